import { Command } from 'commander';
import { inspect } from './inspect.ts';
import { push } from './push.ts';

const VERSION = '0.1.0';

const splitList = (text: string): string[] => text.split(',').map((item) => item.trim());

/** The commands of `kubectl mdep`. */
export function makeProgram(): Command {
  const program = new Command('kubectl-mdep')
    .description('Pack, push and look at models for ModelDeployments.')
    .version(VERSION, '-V, --version')
    .showHelpAfterError('(kubectl mdep --help shows how it is used)');

  program
    .command('push')
    .description('pack the folder of a model and push it to a container registry')
    .argument('<folder>', 'folder with a saved_model.pb, or a model.json of TensorFlow.js')
    .argument('<uri>', 'oci://registry/repository:tag')
    .option('--plain-http', 'the registry speaks http without TLS')
    .addHelpText('after', '\nExample:\n  kubectl mdep push export/ oci://registry.example/models/digits:3')
    .action(async (folder: string, uri: string, options: { plainHttp?: boolean }) =>
      push(folder, uri, { plainHttp: options.plainHttp === true }),
    );

  program
    .command('inspect')
    .description('show signature, shapes, size and digest of a model')
    .argument('<model>', 'a folder, or oci://registry/repository:tag')
    .option('--plain-http', 'the registry speaks http without TLS')
    .option('-o, --output <format>', 'text or json', 'text')
    .option('--signatures <names>', 'only these signatures', splitList)
    .addHelpText(
      'after',
      '\nExamples:\n  kubectl mdep inspect export/\n  kubectl mdep inspect oci://registry.example/models/digits:3 -o json',
    )
    .action(async (model: string, options: { plainHttp?: boolean; output: string; signatures?: string[] }) =>
      inspect(model, {
        plainHttp: options.plainHttp === true,
        json: options.output === 'json',
        signatures: options.signatures,
      }),
    );
  return program;
}
