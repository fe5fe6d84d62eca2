/** Inputs worth keeping, one file for each target: base64 in a list, so that a new one is a line of the diff. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const file = (target: string) => fileURLToPath(new URL(`corpus/${target}.json`, import.meta.url));

export async function readCorpus(target: string): Promise<Buffer[]> {
  const text = await readFile(file(target), 'utf8').catch(() => '[]');
  return (JSON.parse(text) as string[]).map((line) => Buffer.from(line, 'base64'));
}

export async function writeCorpus(target: string, inputs: readonly Buffer[]): Promise<void> {
  const lines = [...new Set(inputs.map((bytes) => bytes.toString('base64')))].sort(
    (a, b) => a.length - b.length || (a < b ? -1 : 1),
  );
  await writeFile(file(target), `${JSON.stringify(lines, undefined, 1)}\n`);
}
