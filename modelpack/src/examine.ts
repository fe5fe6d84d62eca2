/** Whether and how a model is served, told before anything of it is run: the same for the server, `inspect` and `push`. */
import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { judge } from './analysis/judge.ts';
import type { Judgement } from './analysis/verdict.ts';
import { checkComplete, detectFormat, readModel } from './describe.ts';
import { ModelError } from './failure.ts';
import type { ModelFiles } from './graph.ts';
import type { ModelFormat, ModelInfo, Signature } from './signature.ts';

export type { Feature } from './analysis/examples.ts';
export type { Judgement, RowVerdict } from './analysis/verdict.ts';

export interface ExaminedModel {
  /** As the files have it. */
  info: ModelInfo;
  /** Those that are served. */
  signatures: ReadonlyMap<string, Signature>;
  judged: ReadonlyMap<string, Judgement>;
  /** Why others that the model has are not, in words. */
  refused: readonly string[];
}

export interface Examination {
  /** What it must be; undefined for whatever it is. */
  format?: ModelFormat | undefined;
  /** Whether signatures that change what later requests are answered are served too. */
  effects?: boolean;
  /** Whether the folder holds only the files that describe the model. */
  withoutWeights?: boolean;
}

/** Reads and judges the model in a folder. Throws ModelError ModelMalformed or ModelRefused when it would not be served. */
export async function examineModel(
  folder: string,
  { format, effects, withoutWeights = false }: Examination = {},
): Promise<ExaminedModel> {
  const found = await detectFormat(folder);
  if (format !== undefined && format !== found)
    throw new ModelError('ModelMalformed', `the model is a ${found}, but its format is set to ${format}`);
  const files = await readModel(folder, found, !withoutWeights);
  const { info } = files;
  if (!withoutWeights) await checkComplete(folder, info);
  const { loading, judged, refused } = judge(files);
  const unsafe = loading ?? (await strayAsset(folder, files));
  if (unsafe !== undefined) throw new ModelError('ModelRefused', `the model may not be loaded: ${unsafe}`);
  const left = [...refused, ...Object.entries(info.unsendable ?? {})];
  const reasons = left.map(([signature, reason]) => `signature ${signature} is not served: ${reason}`);
  const served = Object.entries(info.signatures).filter(([signature]) => {
    const judgement = judged.get(signature);
    if (judgement?.effects && !effects) reasons.push(`signature ${signature} is not served: ${HAS_EFFECTS}`);
    return judgement !== undefined && (effects || !judgement.effects);
  });
  if (served.length > 0) return { info, signatures: new Map(served), judged, refused: reasons };
  if (reasons.length > 0) throw new ModelError('ModelRefused', reasons.join('; '));
  throw new ModelError('ModelMalformed', NO_SIGNATURE);
}

const HAS_EFFECTS = 'it changes what later requests are answered; set SERVE_EFFECTS=true to serve it';
const NO_SIGNATURE =
  'the model has no signature, so nobody could call it; export it for serving (model.export in Keras, tf.saved_model.save with signatures)';

/** An asset whose file lies elsewhere: a link may lead out of the folder. */
async function strayAsset(folder: string, { graph }: ModelFiles): Promise<string | undefined> {
  const inside = (await realpath(folder)) + sep;
  for (const { file } of graph?.assets ?? []) {
    const path = await realpath(join(folder, 'assets', file)).catch(() => undefined);
    if (path !== undefined && !path.startsWith(inside))
      return `its asset ${file} is a link that leads out of the model's folder`;
  }
  return undefined;
}
