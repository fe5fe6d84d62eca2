/** Layers models of TensorFlow.js: each layer is known by its class, and treats the first dimension as that of rows. Pure. */
import type { LayerOfModel } from '../graph.ts';
import type { RowVerdict } from './verdict.ts';

const ROW_WISE = new Set(
  `Activation Add AlphaDropout Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional
  CategoryEncoding CenterCrop Concatenate Conv1D Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM2D ConvLSTM2DCell
  Cropping2D Dense DepthwiseConv2D Dot Dropout ELU Embedding Flatten Functional GaussianDropout GaussianNoise
  GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GRU GRUCell InputLayer
  LayerNormalization LeakyReLU LSTM LSTMCell Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum Model Multiply
  Permute PReLU ReLU RepeatVector Rescaling Reshape Resizing RNN SeparableConv2D Sequential SimpleRNN SimpleRNNCell Softmax
  SpatialDropout1D StackedRNNCells ThresholdedReLU TimeDistributed UpSampling2D ZeroPadding2D`.split(/\s+/),
);

/** The first layer that is not known to treat each row for itself. */
export function rowsOfLayers(layers: readonly LayerOfModel[]): RowVerdict {
  for (const { class: name, config } of layers) {
    const node = typeof config['name'] === 'string' ? config['name'] : name;
    if (!ROW_WISE.has(name))
      return { rows: 'unknown', node, why: `what a layer of class ${name} does with rows is not known` };
    if (config['stateful'] === true)
      return { rows: 'mixing', node, why: 'the layer remembers what it was asked before (stateful)' };
    const axes = [config['axis'], config['axes']].flat(2).filter((axis) => typeof axis === 'number');
    if (axes.includes(0)) return { rows: 'mixing', node, why: 'it computes along the rows' };
    if (axes.some((axis) => axis < -1))
      return { rows: 'unknown', node, why: 'its axis, counted from the end, may be that of the rows' };
  }
  return { rows: 'rowWise' };
}
