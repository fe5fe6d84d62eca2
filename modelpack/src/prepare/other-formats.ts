/** What people have in the place of a model that can be served, and the way from there to one. */
import { ModelError } from '../failure.ts';

const KERAS = 'save the whole model with model.save("model.keras") in Keras';

/** One sentence each: what the file is, and what to do. */
const SENTENCES = {
  weightsOnly: `holds weights only, without the layers they belong to; ${KERAS}, not its weights alone`,
  configurationOnly: `describes the layers of a model (model.to_json) and holds no weights; ${KERAS}`,
  optimizerOnly: `holds no model; ${KERAS}`,
  lfsPointer: 'is a pointer of Git LFS, not the file itself; run git lfs pull in its repository',
  page: 'is a page of HTML, not a model: a download link led to a page; download the file itself',
  xml: 'is a document of XML, not a model; a download link may have led to an error of the store',
  empty: 'is empty; copy or download it again',
  pickle: `is a pickle of Python, which is code and is not loaded; load it where it was made, then, if it is Keras, ${KERAS}; joblib and scikit-learn models have no graph that could be served`,
  pytorch:
    'is a model of PyTorch, which this server does not run; export it to TensorFlow (with litert-torch or through ONNX and onnx2tf) as a SavedModel',
  onnx: 'is an ONNX model, which this server does not run; convert it to a SavedModel with onnx2tf -i FILE -o export',
  tflite:
    'is a TensorFlow Lite model, which has no SavedModel in it; push the SavedModel or Keras file that it was converted from',
  safetensors:
    'holds weights only (safetensors), without the layers they belong to; load them into the model and save it whole',
  gguf: 'is a GGUF language model, which this server does not run; llama.cpp and vLLM do',
  numpy: `holds arrays of NumPy, not a model; set them with model.set_weights, then ${KERAS}`,
  graphDef:
    'is a bare graph of TensorFlow (frozen graph) without signatures; write it as a SavedModel with tf.compat.v1.saved_model.simple_save or tf.saved_model.save',
  checkpoint:
    'is a part of a TensorFlow checkpoint, which holds weights only; restore it into the model and export that (model.export in Keras, tf.saved_model.save)',
  compressed: 'is a compressed archive; unpack it and push what is in it',
  zip: 'is a zip without a model in it that can be served; unpack it and push the model',
  unknown:
    'is no model that is known here: neither HDF5 or .keras of Keras, nor a folder with a saved_model.pb or a model.json of TensorFlow.js',
} as const satisfies Record<string, string>;

export type OtherFormat = keyof typeof SENTENCES;

type Refusals = Readonly<Record<OtherFormat, (file: string) => ModelError>>;

export const OTHER = Object.fromEntries(
  Object.entries(SENTENCES).map(([name, words]) => [
    name,
    (file: string) => new ModelError('ModelMalformed', `${file} ${words}`),
  ]),
) as Refusals;
