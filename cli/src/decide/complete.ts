import type { Command, Option } from 'commander';

/** A word that may come next, and what it means. */
export interface Candidate {
  word: string;
  meaning?: string;
}

/** What may follow: words of our own, something that the cluster or the kubeconfig knows, or a file. */
export type Completion =
  | { kind: 'words'; words: Candidate[] }
  | { kind: 'names' | 'namespaces' | 'contexts' | 'clusters' | 'users' }
  | { kind: 'revisions'; of: string }
  | { kind: 'files' };

const BY_OPTION: Record<string, Completion> = {
  namespace: { kind: 'namespaces' },
  context: { kind: 'contexts' },
  cluster: { kind: 'clusters' },
  user: { kind: 'users' },
  kubeconfig: { kind: 'files' },
  filename: { kind: 'files' },
};

/** Reads a command line up to the cursor; `words` are those after the program's name, the last one unfinished. */
export function completionOf(program: Command, words: readonly string[]): Completion {
  const unfinished = words.at(-1) ?? '';
  const { command, operands, open } = readWords(program, words.slice(0, -1));
  const [first] = operands;
  if (open !== undefined) return valuesOf(open, first);
  const done = words.includes('--') && words.indexOf('--') < words.length - 1;
  if (unfinished.startsWith('-') && !done) return { kind: 'words', words: flagsOf(program, command) };
  if (command === program) return { kind: 'words', words: commandsOf(program) };
  const argument = command.registeredArguments[operands.length];
  if (argument === undefined) return { kind: 'words', words: [] };
  if (argument.argChoices !== undefined) return { kind: 'words', words: argument.argChoices.map((word) => ({ word })) };
  if (argument.name() === 'name') return { kind: 'names' };
  return argument.name() === 'uri' ? { kind: 'words', words: [] } : { kind: 'files' };
}

/** The command, its operands, and the option whose value comes next. */
function readWords(program: Command, words: readonly string[]) {
  let command = program;
  let open: Option | undefined;
  const operands: string[] = [];
  for (const word of words) {
    if (open !== undefined) {
      open = undefined;
      continue;
    }
    if (word.startsWith('-') && word !== '-') {
      const option = [...command.options, ...program.options].find(
        ({ short, long }) => word === short || word === long,
      );
      open = option?.required === true || option?.optional === true ? option : undefined;
      continue;
    }
    const next = command === program ? program.commands.find((one) => one.name() === word) : undefined;
    if (next === undefined) operands.push(word);
    else command = next;
  }
  return { command, operands, open };
}

function valuesOf(option: Option, name: string | undefined): Completion {
  const known = BY_OPTION[option.attributeName()];
  if (known !== undefined) return known;
  if (option.argChoices !== undefined) return { kind: 'words', words: option.argChoices.map((word) => ({ word })) };
  const asksRevision = ['toRevision', 'revision'].includes(option.attributeName());
  if (asksRevision && name !== undefined) return { kind: 'revisions', of: name };
  return { kind: 'words', words: [] };
}

const flagsOf = (program: Command, command: Command): Candidate[] =>
  [...new Set([...command.options, ...program.options])].flatMap(({ long, description, hidden }) =>
    long === undefined || long === null || hidden ? [] : [{ word: long, meaning: description }],
  );

const commandsOf = (program: Command): Candidate[] =>
  program.commands.map((command) => ({ word: command.name(), meaning: command.summary() || command.description() }));
