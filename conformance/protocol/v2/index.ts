import type { Case, Tensor } from '../case.ts';
import type { Subject } from '../subject.ts';
import { bad } from './bad.ts';
import { binaries } from './binary.ts';
import { http } from './http.ts';
import { infers } from './infer.ts';
import { numbers } from './numbers.ts';
import { questions } from './questions.ts';

/** @param answer the outputs for a sound request of one row */
export const casesV2 = (subject: Subject, answer: Readonly<Record<string, Tensor>>): Case[] => [
  ...questions(subject),
  ...numbers(),
  ...bad(subject),
  ...binaries(),
  ...http(subject),
  ...infers(subject, answer),
];
