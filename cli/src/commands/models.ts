import { type Command, Option } from 'commander';

const PLAIN_HTTP = ['--plain-http', 'speak http without TLS to the registry (to localhost that is so anyway)'] as const;

export const MODEL_FORMS =
  'an .h5 or .keras file, or the folder, model.json or zip of a SavedModel or of TensorFlow.js';

/** The commands about models and registries; they need no cluster, and the others start faster without their libraries. */
export function addModelCommands(program: Command): void {
  program
    .command('push')
    .description('pack a model and push it to a container registry')
    .argument('<model>', MODEL_FORMS)
    .argument('<uri>', 'oci://registry/repository:tag')
    .option(...PLAIN_HTTP)
    .option('--no-check', 'push the folder even if there is no model in it that can be read')
    .addHelpText(
      'after',
      '\nA model of Keras layers is converted to a SavedModel, and its file is kept beside it.' +
        '\nThe same model always has the same digest; what the registry has already is not sent again.' +
        '\n\nExamples:\n  kubectl mdep push model.h5 oci://registry.example/models/digits:3' +
        '\n  kubectl mdep push export/ oci://registry.example/models/digits:3' +
        '\n  kubectl mdep push export/ oci://localhost:5000/digits:3',
    )
    .action(async (model: string, uri: string, options: { plainHttp?: boolean; check: boolean }) =>
      (await import('../models/push.ts')).push(model, uri, {
        plainHttp: options.plainHttp === true,
        check: options.check,
      }),
    );

  program
    .command('inspect')
    .description('show format, signatures, files, size and digest of a model')
    .argument('<model>', `${MODEL_FORMS}, or oci://registry/repository:tag (or @sha256:…)`)
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

  program
    .command('convert')
    .description('write what would be served of a model into a folder')
    .argument('<model>', MODEL_FORMS)
    .argument('<folder>', 'a new folder')
    .addOption(new Option('--to <format>', 'what to write').choices(['savedmodel']).default('savedmodel'))
    .option('--python <program>', 'let your own Keras convert it; it runs the code that is in the model')
    .addHelpText(
      'after',
      '\nOnly Keras itself can convert layers that are code: Lambda, and classes of your own.' +
        '\n\nExamples:\n  kubectl mdep convert model.keras export/\n  kubectl mdep convert --python python3 model.keras export/',
    )
    .action(async (model: string, folder: string, { python }: { python?: string }) =>
      (await import('../models/convert.ts')).convert(model, folder, python === undefined ? {} : { python }),
    );
}
