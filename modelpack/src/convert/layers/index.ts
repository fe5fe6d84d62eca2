/** Every layer of Keras that has a meaning when a model answers, and what becomes of it. */
import type { LayerRule } from '../layer.ts';
import type { LayerNode } from '../topology.ts';
import { ACTIVATION_LAYERS } from './activations.ts';
import { ATTENTION } from './attention.ts';
import { CONVOLUTIONS } from './conv.ts';
import { CORE } from './core.ts';
import { MASKS } from './masks.ts';
import { MERGING } from './merging.ts';
import { NORMALIZING } from './normalizing.ts';
import { POOLING } from './pooling.ts';
import { RECURRENT } from './recurrent.ts';
import { RESHAPING } from './reshaping.ts';

export const LAYERS: ReadonlyMap<string, LayerRule> = new Map(
  Object.entries({
    ...CORE,
    ...ACTIVATION_LAYERS,
    ...ATTENTION,
    ...CONVOLUTIONS,
    ...POOLING,
    ...MERGING,
    ...NORMALIZING,
    ...RECURRENT,
    ...RESHAPING,
  }),
);
const OPERATIONS: ReadonlyMap<string, LayerRule> = new Map(Object.entries(MASKS));

/** Layers of Keras that could be converted, and are not. */
export const NOT_YET: ReadonlySet<string> = new Set([
  'AdaptiveAveragePooling1D',
  'AdaptiveAveragePooling2D',
  'AdaptiveAveragePooling3D',
  'AdaptiveMaxPooling1D',
  'AdaptiveMaxPooling2D',
  'AdaptiveMaxPooling3D',
  'AugMix',
  'AutoContrast',
  'CategoryEncoding',
  'CenterCrop',
  'ContrastLimitedAdaptiveHistogramEqualization',
  'ConvLSTM1D',
  'ConvLSTM2D',
  'ConvLSTM3D',
  'CutMix',
  'Discretization',
  'Equalization',
  'FeatureSpace',
  'HashedCrossing',
  'Hashing',
  'IntegerLookup',
  'LocallyConnected1D',
  'LocallyConnected2D',
  'MaxNumBoundingBoxes',
  'MelSpectrogram',
  'MixUp',
  'Pipeline',
  'RandAugment',
  'RandomBrightness',
  'RandomColorDegeneration',
  'RandomColorJitter',
  'RandomContrast',
  'RandomCrop',
  'RandomElasticTransform',
  'RandomErasing',
  'RandomFlip',
  'RandomGaussianBlur',
  'RandomGrayscale',
  'RandomHeight',
  'RandomHue',
  'RandomInvert',
  'RandomPerspective',
  'RandomPosterization',
  'RandomRotation',
  'RandomSaturation',
  'RandomSharpness',
  'RandomShear',
  'RandomTranslation',
  'RandomWidth',
  'RandomZoom',
  'Resizing',
  'ReversibleEmbedding',
  'Solarization',
  'SpectralNormalization',
  'STFTSpectrogram',
  'StringLookup',
  'TextVectorization',
]);

/** Code that only Python runs. */
export const PYTHON: Readonly<Record<string, string>> = {
  Lambda: 'is a Lambda: it is Python code',
  TFOpLambda: 'is an operation of TensorFlow that the program called between its layers',
  TensorFlowOpLayer: 'is an operation of TensorFlow that the program called between its layers',
  SlicingOpLambda: 'is a slice that the program took between its layers',
  TFSMLayer: 'calls a SavedModel that lies beside the file',
  JaxLayer: 'is code of JAX',
  FlaxLayer: 'is code of Flax',
  TorchModuleWrapper: 'is code of PyTorch',
  ClassMethod: 'is a method that the program called between its layers',
};

const KERAS = /^(keras|tf_keras|tensorflow\.keras|tensorflow\.python\.keras)\b/;
/** Layers, and operations of the same name that broadcast otherwise, or take other arguments. */
const ALSO_OPERATIONS = new Set(['Add', 'Subtract', 'Multiply', 'Maximum', 'Minimum', 'Average', 'Dot']);
const OPERATION = /\bops\b|\.operations\b/;

/** How a layer, or an operation that Keras writes among them, is converted; undefined when it is not. */
export function ruleNamed({ className, module, config }: LayerNode): LayerRule | undefined {
  if (module !== undefined) return (OPERATION.test(module) ? OPERATIONS : LAYERS).get(className);
  // An .h5 tells no modules; every layer, also one of a program, says whether it is trainable, no operation does.
  return LAYERS.get(className) ?? ('trainable' in config ? undefined : OPERATIONS.get(className));
}

/** Why a layer can be converted by nobody but its own program; undefined when it can. */
export function refusalOf({ className, module, registered, config }: LayerNode): string | undefined {
  const python = Object.hasOwn(PYTHON, className) ? PYTHON[className] : undefined;
  if (python !== undefined)
    return `${python}${typeof config['function'] === 'string' ? ` (${config['function']})` : ''}`;
  if (registered?.includes('>'))
    return `is of the class ${registered.replace('>', '.')}, whose code is not in the file`;
  if (module === undefined) {
    if (!ALSO_OPERATIONS.has(className) || 'trainable' in config) return undefined;
    return `is the operation ${className}, which the program called between its layers, and which is not the layer of this name`;
  }
  if (OPERATION.test(module) && !OPERATIONS.has(className))
    return `is the operation ${className} of ${module}, which the program called between its layers`;
  return KERAS.test(module) ? undefined : `is of the class ${className} of ${module}, whose code is not in the file`;
}
