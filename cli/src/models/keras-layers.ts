import { type LayerConfig, layersIn, type LayersModel, nameOf } from '@modeldeployment/modelpack/prepare';

export interface LayerReport {
  /** Names from the model down to it, with `/`. */
  path: string;
  class: string;
  /** How many numbers it has learnt. */
  parameters: number;
}

/** The layers of a model, those of models within it too. */
export function layersOf(model: LayersModel): LayerReport[] {
  const below = (layers: readonly LayerConfig[], above: readonly string[]): LayerReport[] =>
    layers.flatMap((layer) => {
      const path = [...above, nameOf(layer)];
      const inner = layersIn(layer);
      if (inner !== undefined) return below(inner, path);
      const parameters = model.weightsOf(path).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
      return [{ path: path.join('/'), class: layer.class_name, parameters }];
    });
  return below(layersIn(model.config) ?? [], []);
}
