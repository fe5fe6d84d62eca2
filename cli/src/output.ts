import { Option } from 'commander';

export type Format = 'text' | 'json' | 'yaml' | 'name';

/** -o, with those of the formats that make sense for a command. */
export const outputOption = (...formats: Exclude<Format, 'text'>[]): Option =>
  new Option('-o, --output <format>', 'how to print it').choices(['text', ...formats]).default('text');

/** A value for programs. Undefined fields are left out. */
export async function encode(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return JSON.stringify(value, null, 2);
  // Loaded only then: most commands start faster without it.
  const { stringify } = await import('yaml');
  return stringify(value, { lineWidth: 0 }).trimEnd();
}
