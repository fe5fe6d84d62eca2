import { RunError } from '../errors.ts';

/**
 * First line of an engine's error, fit for a client: TensorFlow's prefix, node names and file paths are left out.
 */
export function shortMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.replace(/^(?:Session fail to run with error|Failed to load SavedModel): /, '').split('\n')[0] ?? '';
  const clean = line
    .replace(/\s*\[\[.*?\]\]/g, '')
    .replace(/(?:file:\/\/)?(?:\/[\w.@+-]+){2,}\/?/g, '(path)')
    .trim();
  return clean.length > 300 ? `${clean.slice(0, 300)}…` : clean;
}

/** What a failed run means. Mistakes of our own (TypeError and its kind) pass unchanged: they are no fault of the input. */
export function runError(error: unknown): Error {
  if (error instanceof RunError) return error;
  if (error instanceof TypeError || error instanceof ReferenceError) return error;
  const message = shortMessage(error);
  return new RunError(
    `the model could not be run on this input: ${message}`,
    /OOM|out of memory|allocation failed/i.test(message),
  );
}
