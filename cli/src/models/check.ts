import { checkComplete, describeModel, ModelError, type ModelInfo } from '@modeldeployment/modelpack';

/** What the model in a folder is, if a server would take it. Throws ModelError. */
export async function checkedModel(folder: string): Promise<ModelInfo> {
  const info = await describeModel(folder);
  await checkComplete(folder, info);
  if (Object.keys(info.signatures).length > 0) return info;
  const words = 'the model has no signature, so nobody could call it; export it with one (model.export in Keras)';
  throw new ModelError('ModelMalformed', words);
}
