import {
  FatalError,
  RunError,
  type ModelFolder,
  type Predictor,
  type Signature,
  type Tensor,
  type TensorData,
} from '../../model/types.ts';
import { runError, shortMessage } from '../failure.ts';
import { download, upload, type Binding, type Handle } from './binding.ts';

const TAG = 'serve';

/** A signature with the graph's own tensor names, joined as the addon wants them. */
interface Call {
  signature: Signature;
  inputs: string;
  outputs: string;
}

/** @throws FatalError ModelLoadFailed */
export function loadSavedModel(binding: Binding, model: ModelFolder): Predictor {
  const nodes = (specs: Signature['inputs']) => specs.map(({ node, name }) => node ?? name).join(',');
  const calls = new Map<string, Call>();
  for (const [name, signature] of model.signatures) {
    calls.set(name, { signature, inputs: nodes(signature.inputs), outputs: nodes(signature.outputs) });
  }
  let session: number;
  try {
    session = binding.loadSavedModel(model.directory, TAG);
  } catch (error) {
    throw new FatalError('ModelLoadFailed', `TensorFlow cannot load the SavedModel: ${shortMessage(error)}`, {
      cause: error,
    });
  }
  return new SavedModelPredictor(binding, session, model.signatures, calls);
}

class SavedModelPredictor implements Predictor {
  #lost = 0;

  constructor(
    private readonly binding: Binding,
    private readonly session: number,
    readonly signatures: ReadonlyMap<string, Signature>,
    private readonly calls: ReadonlyMap<string, Call>,
  ) {}

  lostBytes(): number {
    return this.#lost;
  }

  memory(): { tensors: number; bytes: number } {
    return { tensors: this.binding.getNumOfTensors(), bytes: 0 };
  }

  // The addon computes on this thread; the promise is the interface's, for engines that do not.
  predict(name: string, inputs: readonly Tensor[]): Promise<Tensor[]> {
    const call = this.calls.get(name);
    if (!call) return Promise.reject(new Error(`the model has no signature ${name}`));
    return Promise.resolve().then(() => this.#run(call, inputs));
  }

  #run({ signature, inputs: inputNames, outputs: outputNames }: Call, inputs: readonly Tensor[]): Tensor[] {
    const ids: number[] = [];
    try {
      const handles = this.#execute(inputs, ids, inputNames, outputNames);
      // Before the inputs are given back: outputs may be the same strings.
      return signature.outputs.map((spec, i) => {
        const handle = handles[i];
        if (!handle) throw new RunError(`the model gave no output ${spec.name}`);
        return download(this.binding, handle, spec.name, spec.dtype);
      });
    } finally {
      for (const id of ids) this.binding.deleteTensor(id);
    }
  }

  /** Pushes the inputs it makes onto `ids`. */
  #execute(inputs: readonly Tensor[], ids: number[], inputNames: string, outputNames: string): Handle[] {
    try {
      for (const input of inputs) ids.push(upload(this.binding, input));
      return this.binding.runSavedModel(this.session, ids, inputNames, outputNames);
    } catch (error) {
      // The addon keeps the memory of the inputs of a failed run, whatever we give back.
      this.#lost += inputs.reduce((sum, { data }) => sum + byteLength(data), 0);
      throw runError(error);
    }
  }
}

function byteLength(data: TensorData): number {
  return Array.isArray(data)
    ? (data as readonly Uint8Array[]).reduce((sum, bytes) => sum + bytes.byteLength, 0)
    : (data as Uint8Array).byteLength;
}
