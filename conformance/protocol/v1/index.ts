import type { Case } from '../case.ts';
import { bad } from './bad.ts';
import { examples } from './examples.ts';
import { predicts } from './predict.ts';
import { questions } from './questions.ts';

/** @param version of `dense` that is served */
export const casesV1 = (version: string): Case[] => [
  ...questions(version),
  ...predicts(version),
  ...examples(),
  ...bad(),
];
