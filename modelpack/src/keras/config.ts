/** What a configuration of Keras says of the layers in it. */

export interface LayerConfig {
  class_name: string;
  /** Where Keras finds the class. */
  module?: string | null;
  name?: string;
  config: Record<string, unknown> | readonly unknown[];
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isLayerConfig = (value: unknown): value is LayerConfig & Record<string, unknown> =>
  isRecord(value) && typeof value['class_name'] === 'string' && typeof value['config'] === 'object';

export function nameOf({ name, config }: LayerConfig): string {
  const own = isRecord(config) ? config['name'] : undefined;
  return typeof own === 'string' ? own : (name ?? '');
}

/** The layers of a model, in the order of Keras' `model.layers`; undefined for what is no model. A Sequential of old is a bare list. */
export function layersIn({ config }: { config: unknown }): LayerConfig[] | undefined {
  const layers = isRecord(config) ? config['layers'] : config;
  return Array.isArray(layers) ? layers.filter(isLayerConfig) : undefined;
}

/** Attributes of wrappers and recurrent layers that hold another layer. */
const HOLDERS = ['layer', 'forward_layer', 'backward_layer', 'cell'];

/** The layers inside of one that is no model, by the attribute that holds them. */
export const wrapped = ({ config }: LayerConfig): [attribute: string, layer: LayerConfig][] =>
  HOLDERS.flatMap((attribute): [string, LayerConfig][] => {
    const inner = isRecord(config) ? config[attribute] : undefined;
    return isLayerConfig(inner) ? [[attribute, inner]] : [];
  });

/** The cells of a StackedRNNCells, in the order in which each step goes through them; undefined for what is none. */
export function cellsIn({ config }: LayerConfig): LayerConfig[] | undefined {
  const cells = isRecord(config) ? config['cells'] : undefined;
  return Array.isArray(cells) ? cells.filter(isLayerConfig) : undefined;
}
