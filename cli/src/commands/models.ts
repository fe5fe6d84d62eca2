import { type Command, Option } from 'commander';

const PLAIN_HTTP = ['--plain-http', 'speak http without TLS to the registry (to localhost that is so anyway)'] as const;

/** The commands about models and registries; they need no cluster, and the others start faster without their libraries. */
export function addModelCommands(program: Command): void {
  program
    .command('push')
    .description('pack the folder of a model and push it to a container registry')
    .argument('<folder>', 'folder with a saved_model.pb, or a model.json of TensorFlow.js')
    .argument('<uri>', 'oci://registry/repository:tag')
    .option(...PLAIN_HTTP)
    .option('--no-check', 'push the folder even if there is no model in it that can be read')
    .addHelpText(
      'after',
      '\nThe same folder always has the same digest; what the registry has already is not sent again.' +
        '\n\nExamples:\n  kubectl mdep push export/ oci://registry.example/models/digits:3' +
        '\n  kubectl mdep push export/ oci://localhost:5000/digits:3',
    )
    .action(async (folder: string, uri: string, options: { plainHttp?: boolean; check: boolean }) =>
      (await import('../models/push.ts')).push(folder, uri, {
        plainHttp: options.plainHttp === true,
        check: options.check,
      }),
    );

  program
    .command('inspect')
    .description('show format, signatures, files, size and digest of a model')
    .argument('<model>', 'a folder, or oci://registry/repository:tag (or @sha256:…)')
    .option(...PLAIN_HTTP)
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      '\nOf a model in a registry only what tells its signature is downloaded, not its weights.' +
        '\n\nExamples:\n  kubectl mdep inspect export/\n  kubectl mdep inspect oci://registry.example/models/digits:3 -o json',
    )
    .action(async (model: string, options: { plainHttp?: boolean; output: string }) =>
      (await import('../models/inspect.ts')).inspect(model, {
        plainHttp: options.plainHttp === true,
        json: options.output === 'json',
      }),
    );
}
