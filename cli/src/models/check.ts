import { type ModelInfo } from '@modeldeployment/modelpack';
import { examineModel } from '@modeldeployment/modelpack/examine';

/** What of a model a server would serve, and what it would not, in its words. */
export interface CheckedModel extends ModelInfo {
  notes: readonly string[];
}

/**
 * Judges the model in a folder as the server does. `described`: only the files that describe it are there.
 * Throws ModelError when no server would take it.
 */
export async function checkedModel(folder: string, described = false): Promise<CheckedModel> {
  const { info, signatures, judged, refused } = await examineModel(folder, {
    effects: true,
    withoutWeights: described,
  });
  const effects = [...signatures.keys()].filter((name) => judged.get(name)?.effects);
  const where = effects.map(
    (name) => `signature ${name} is served with SERVE_EFFECTS=true only: it changes what later requests are answered`,
  );
  return { ...info, signatures: Object.fromEntries(signatures), notes: [...refused, ...where] };
}
