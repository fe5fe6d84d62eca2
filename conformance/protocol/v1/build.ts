/** Requests of TensorFlow Serving's REST interface as the tables write them. */
import type { Request } from '../case.ts';
import { DATATYPES, inputOf, MODEL, type SuiteType } from '../models.ts';
import { element } from '../subject.ts';

export type Verb = 'predict' | 'classify' | 'regress';

/** `body` is written as it is if it is text, else as JSON. */
export const post = (model: string, verb: Verb, body: unknown, which = ''): Request => ({
  method: 'POST',
  path: `/v1/models/${model}${which}:${verb}`,
  headers: { 'Content-Type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

export const predict = (body: unknown, which = ''): Request => post(MODEL.dense, 'predict', body, which);
export const get = (path: string): Request => ({ method: 'GET', path });

/** One instance of `types` in which one input is written as given. */
export function instance(type: SuiteType, written: string): Request {
  const members = DATATYPES.map(
    (other) => `"${inputOf(other)}":${other === type ? written : JSON.stringify(element(other, 1))}`,
  );
  return post(MODEL.types, 'predict', `{"instances":[{${members.join(',')}}]}`);
}
