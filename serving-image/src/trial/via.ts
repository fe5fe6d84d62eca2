/** Marks of the processes that have sent a request on, so that it does not come back to one of them. */
import { randomBytes } from 'node:crypto';

const MARK = /^[\w-]{22}$/;
/** More are not passed on. */
const LONGEST = 8;

/** Nobody can guess it. */
export const newMark = (): string => randomBytes(16).toString('base64url');

/** Of the value of the header. What are no marks is a client's. Pure. */
const marksIn = (via: string | undefined): string[] =>
  via === undefined ? [] : via.split(', ', LONGEST).filter((mark) => MARK.test(mark));

/** Whether the process with this mark has sent the request on before. Pure. */
export const wasHere = (via: string | undefined, mark: string): boolean => marksIn(via).includes(mark);

/** The value of the header when that process sends it on. Pure. */
export const through = (via: string | undefined, mark: string): string =>
  [mark, ...marksIn(via)].slice(0, LONGEST).join(', ');
