import util from 'node:util';

/** tfjs-node calls two functions that Node 23 removed. Imported before it for that effect. */
const functions = util as unknown as Record<string, unknown>;
functions.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
functions.isArray ??= Array.isArray;
