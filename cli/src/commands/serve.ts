import type { Command } from 'commander';
import { servingImageOf } from '../kube/serving-image.ts';
import { accessOf } from './access.ts';
import { MODEL_FORMS } from './models.ts';

interface Flags {
  image?: string;
  name?: string;
  http: string;
  grpc: string;
  admin: string;
}

export function addServe(program: Command, signal: AbortSignal): void {
  program
    .command('serve')
    .description('serve a model on this machine, by the serving image in docker or podman')
    .argument('<model>', MODEL_FORMS)
    .option('--image <image>', 'serving image; by default that of the operator in the cluster')
    .option('--name <name>', 'name of the model; by default that of the file or folder')
    .option('--http <port>', 'port of REST', '8080')
    .option('--grpc <port>', 'port of gRPC', '8081')
    .option('--admin <port>', 'port of health and metrics', '9090')
    .addHelpText(
      'after',
      '\nAll ports are on 127.0.0.1. The files stay where they are; those of Keras are converted first, as push does.' +
        '\n\nExample:\n  kubectl mdep serve model.h5',
    )
    .action(async (model: string, { image, ...options }: Flags, command: Command) => {
      const { serve } = await import('../models/serve.ts');
      const access = accessOf(command);
      const imageOf = () => (image === undefined ? servingImageOf(access) : Promise.resolve(image));
      const code = await serve(model, options, imageOf, signal);
      if (!signal.aborted) process.exitCode = code;
    });
}
