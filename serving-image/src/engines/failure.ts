import { RunError } from '../errors.ts';

/** What TensorFlow and its addons put before the cause. */
const PREFIX = /^(?:(?:Session fail to run with error|Failed to load SavedModel): |Invalid TF_Status: \d+\s+Message: )/;
/** A file by its whole path, where no name of a tensor can begin, which may have slashes too. */
const PATH = /(?<![\w.)\]}-])(?:file:\/\/)?(?:\/[\w.@+-]+){2,}\/?/g;

/**
 * First line of an engine's error, fit for a client: names of nodes and tensors stay, paths of files are left out. Of files in the
 * `directory` of the model the name stays.
 */
export function shortMessage(error: unknown, directory?: string): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.replace(PREFIX, '').split('\n')[0] ?? '';
  const clean = (directory === undefined ? line : line.replaceAll(`${directory}/`, ''))
    .replace(/\{\{function_node [^}]*\}\}\s*/g, '')
    .replace(/\[\[\{\{node (.*?)\}\}\]\]/g, '(node $1)')
    .replace(/\s*\[\[.*?\]\]/g, '')
    .replace(PATH, '(path)')
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
