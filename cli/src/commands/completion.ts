import { Argument, type Command } from 'commander';
import { LABEL, PLURAL, GROUP } from '@modeldeployment/operator';
import { type Candidate, type Completion, completionOf } from '../decide/complete.ts';
import { accessFlags, namespaceFlags, runKubectl } from '../kube/kubectl.ts';
import { accessOf } from './access.ts';

/** The hidden command that every shell asks, in the manner of kubectl's own. */
export const COMPLETE = '__complete';

/** kubectl's directives: after these words files may follow, or nothing else. */
const DIRECTIVE = { files: 0, nothingElse: 4 } as const;

/** Longer than this nobody waits after a Tab. */
const PATIENCE = '--request-timeout=3s';

const SCRIPTS = {
  kubectl: `#!/bin/sh
# kubectl asks this program to complete "kubectl mdep"; it must be on PATH as kubectl_complete-mdep.
exec kubectl mdep ${COMPLETE} "$@"
`,
  bash: `# bash completion of kubectl-mdep; for "kubectl mdep" see: kubectl mdep completion --help
_kubectl_mdep() {
  local lines
  mapfile -t lines < <(kubectl-mdep ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  COMPREPLY=()
  (( \${#lines[@]} )) || return
  if [[ \${lines[-1]} == ":${DIRECTIVE.files}" ]]; then compopt -o default; return; fi
  unset 'lines[-1]'
  local word
  for word in "\${lines[@]%%$'\\t'*}"; do
    [[ $word == "\${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$word")
  done
}
complete -F _kubectl_mdep kubectl-mdep
`,
  zsh: `#compdef kubectl-mdep
# zsh completion of kubectl-mdep; for "kubectl mdep" see: kubectl mdep completion --help
_kubectl-mdep() {
  local -a lines words_known
  lines=("\${(@f)$(kubectl-mdep ${COMPLETE} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ \${lines[-1]} == ":${DIRECTIVE.files}" ]]; then _files; return; fi
  lines[-1]=()
  words_known=("\${(@)lines//:/\\\\:}")
  words_known=("\${(@)words_known/$'\\t'/:}")
  _describe 'kubectl mdep' words_known
}
if [ "$funcstack[1]" = "_kubectl-mdep" ]; then _kubectl-mdep "$@"; else compdef _kubectl-mdep kubectl-mdep; fi
`,
  fish: `# fish completion of kubectl-mdep; for "kubectl mdep" see: kubectl mdep completion --help
function __kubectl_mdep
    set -l words (commandline -opc) (commandline -ct)
    set -l lines (kubectl-mdep ${COMPLETE} $words[2..] 2>/dev/null)
    if test "$lines[-1]" = ":${DIRECTIVE.files}"
        __fish_complete_path (commandline -ct)
    else
        string match -v -r '^:\\d+$' -- $lines
    end
end
complete -c kubectl-mdep -f -a '(__kubectl_mdep)'
`,
} as const;

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('print the script that completes commands in a shell')
    .addArgument(
      new Argument('<shell>', 'of which shell; kubectl for "kubectl mdep" in all of them').choices(
        Object.keys(SCRIPTS),
      ),
    )
    .addHelpText(
      'after',
      `
For "kubectl mdep <Tab>", where kubectl completes already:
  kubectl mdep completion kubectl > ~/.local/bin/kubectl_complete-mdep && chmod +x ~/.local/bin/kubectl_complete-mdep

For "kubectl-mdep <Tab>":
  source <(kubectl mdep completion bash)                                    # in ~/.bashrc
  kubectl mdep completion zsh > "\${fpath[1]}/_kubectl-mdep"
  kubectl mdep completion fish > ~/.config/fish/completions/kubectl-mdep.fish`,
    )
    .action((shell: keyof typeof SCRIPTS) => console.log(SCRIPTS[shell].trimEnd()));
}

/** Answers a shell: a word and its meaning a line, and a directive at the end. Never fails: nobody reads it. */
export async function complete(program: Command, words: readonly string[]): Promise<string> {
  const completion = completionOf(program, words);
  // The flags that were typed already say which cluster is meant, but for one that has yet to get its value.
  const typed = words.slice(0, -1);
  program.parseOptions(/^-[^=]*$/.test(typed.at(-1) ?? '') ? typed.slice(0, -1) : typed);
  const found = await candidates(program, completion).catch(() => []);
  const unfinished = words.at(-1) ?? '';
  const lines = found
    .filter(({ word }) => word.startsWith(unfinished))
    .map(({ word, meaning }) => (meaning === undefined ? word : `${word}\t${meaning}`));
  const directive = completion.kind === 'files' ? DIRECTIVE.files : DIRECTIVE.nothingElse;
  return [...lines, `:${directive}`].join('\n');
}

async function candidates(program: Command, completion: Completion): Promise<Candidate[]> {
  const access = accessOf(program);
  const where = [...accessFlags(access), ...namespaceFlags(access)];
  const names = async (...args: string[]): Promise<Candidate[]> =>
    (await runKubectl(args))
      .split(/\s+/)
      .filter(Boolean)
      .map((word) => ({ word }));
  const get = (...args: string[]) => names('get', ...args, PATIENCE, '-o', 'jsonpath={.items[*].metadata.name}');
  switch (completion.kind) {
    case 'words':
      return completion.words;
    case 'names':
      return get(`${PLURAL}.${GROUP}`, ...where);
    case 'namespaces':
      return get('namespaces', ...accessFlags(access));
    case 'contexts':
    case 'clusters':
    case 'users':
      return names(
        'config',
        ...LISTS[completion.kind],
        ...accessFlags({ kubeconfig: access.kubeconfig } as typeof access),
      );
    case 'revisions':
      return revisions(completion.of, where);
    case 'files':
      return [];
  }
}

const LISTS = {
  contexts: ['get-contexts', '-o', 'name'],
  clusters: ['view', '-o', 'jsonpath={.clusters[*].name}'],
  users: ['view', '-o', 'jsonpath={.users[*].name}'],
} as const;

async function revisions(name: string, where: readonly string[]): Promise<Candidate[]> {
  const cause = String.raw`{.metadata.annotations.kubernetes\.io/change-cause}`;
  const line = `jsonpath={range .items[*]}{.revision}{"\\t"}${cause}{"\\n"}{end}`;
  const selector = `--selector=${LABEL.model}=${name}`;
  const said = await runKubectl(['get', 'controllerrevisions.apps', selector, PATIENCE, '-o', line, ...where]);
  return said
    .trim()
    .split('\n')
    .map((text) => text.split('\t'))
    .map(([word = '', meaning]) => (meaning ? { word, meaning } : { word }))
    .sort((a, b) => Number(b.word) - Number(a.word));
}
