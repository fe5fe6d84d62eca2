import { type Case, MINIMAL } from './case.ts';
import { CASES } from './cases.ts';

/**
 * Runs kubectl in a namespace where the CRD is installed, feeding `input` to its stdin. Rejects when kubectl fails, with
 * an error that carries its `stderr`.
 */
export type Kubectl = (args: readonly string[], options: { input: string }) => Promise<unknown>;

/**
 * Plays every case as a strict dry run against a real API server, and answers what did not come out as written: one
 * sentence each, none when all is well. Nothing is stored.
 */
export async function runCases(kubectl: Kubectl, cases: readonly Case[] = CASES): Promise<string[]> {
  const wrong: string[] = [];
  for (const one of cases) {
    const said = await dryRun(kubectl, { ...MINIMAL, ...one.manifest });
    if (one.refused === undefined ? said !== undefined : said?.includes(one.refused) !== true) {
      const expected = one.refused === undefined ? 'to be accepted' : `to be refused with "${one.refused}"`;
      const got = said === undefined ? 'it was accepted' : `the answer was: ${said.trim()}`;
      wrong.push(`${one.field} ${JSON.stringify(one.manifest)}: expected ${expected}, but ${got}`);
    }
  }
  return wrong;
}

/** What the API server says against the manifest; undefined when it accepts. */
async function dryRun(kubectl: Kubectl, manifest: object): Promise<string | undefined> {
  const args = ['create', '--dry-run=server', '--validate=strict', '-f', '-'];
  try {
    await kubectl(args, { input: JSON.stringify(manifest) });
    return undefined;
  } catch (error) {
    const { stderr } = error as { stderr?: unknown };
    // A kubectl that cannot be run at all is no answer of the API server.
    if (typeof stderr !== 'string') throw error;
    return stderr;
  }
}
