/** The suite's models as SavedModels, for a server that reads those. */
import { join } from 'node:path';
import { denseSavedModel, embeddingSavedModel, halfPlusThreeSavedModel } from '../../serving-image/testing/models.ts';
import { attribute, placeholder, writeSavedModel } from '../../serving-image/testing/saved-model.ts';
import { DATATYPES, inputOf, MODEL, outputOf } from './models.ts';

type SuiteModel = keyof typeof MODEL;

const WRITE: Readonly<Record<SuiteModel, (folder: string) => Promise<void>>> = {
  dense: denseSavedModel,
  lookup: embeddingSavedModel,
  regress: (folder) => halfPlusThreeSavedModel(folder, 'regress'),
  classify: (folder) => halfPlusThreeSavedModel(folder, 'classify'),
  half: (folder) => identities(folder, [{ dtype: 'FP16', from: 'x', to: 'y' }]),
  types: (folder) =>
    identities(
      folder,
      DATATYPES.map((dtype) => ({ dtype, from: inputOf(dtype), to: outputOf(dtype) })),
    ),
};

/** Writes a model repository in TensorFlow Serving's layout. */
export async function writeSuiteModels(
  repository: string,
  models: readonly SuiteModel[] = Object.values(MODEL),
): Promise<void> {
  for (const model of models) await WRITE[model](join(repository, model, '1'));
}

/** Answers its inputs under other names. */
async function identities(
  folder: string,
  all: readonly { dtype: (typeof DATATYPES)[number] | 'FP16'; from: string; to: string }[],
): Promise<void> {
  const inputs = all.map(({ dtype, from }) => ({ name: from, dtype, shape: [-1] }));
  const outputs = all.map(({ dtype, to }) => ({ name: to, dtype, shape: [-1] }));
  const nodes = all.map(({ dtype, from, to }) => ({
    name: to,
    op: 'Identity',
    input: [from],
    attributes: { T: attribute.type(dtype) },
  }));
  await writeSavedModel(folder, [...inputs.map(placeholder), ...nodes], { inputs, outputs });
}
