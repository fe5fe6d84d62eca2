import { otherType, tensorflowType } from '@modeldeployment/modelpack';
import {
  hasShape,
  type ModelFolder,
  type Predictor,
  type Signature,
  type Tensor,
  type TensorSpec,
} from '../../model/types.ts';
import { runError, shortMessage } from '../failure.ts';
import { fromTensorflow, toTensorflow, type Call, type SessionAddon } from './session.ts';
import { FatalError, RunError } from '../../errors.ts';

/**
 * `inter_op_parallelism_threads: -1` as a serialized ConfigProto (field 5 of tensorflow/core/protobuf/config.proto): the thread
 * that calls runs the model. With a thread for it besides, two would hand the work to each other and never work at once.
 */
const ON_THIS_THREAD = Uint8Array.of(0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
/** `allow_soft_placement: true` (field 7): what the exporter put on a GPU runs on the processor where there is none. */
const WHEREVER_IT_CAN = Uint8Array.of(0x38, 0x01);
/** TensorFlow reads its variables. */
const AS_THE_ENVIRONMENT_SAYS = new Uint8Array(0);

interface Prepared {
  signature: Signature;
  call: Call;
}

/** @throws FatalError ModelLoadFailed */
export function loadSavedModel(addon: SessionAddon, model: ModelFolder): Predictor {
  const nodes = (specs: Signature['inputs']) => specs.map(({ node, name }) => node ?? name);
  const config = Number(process.env.TF_NUM_INTEROP_THREADS ?? 1) > 1 ? AS_THE_ENVIRONMENT_SAYS : ON_THIS_THREAD;
  try {
    const session = addon.load(model.directory, model.tags, Buffer.concat([config, WHEREVER_IT_CAN]));
    const calls = new Map<string, Prepared>();
    for (const [name, signature] of model.signatures) {
      const call = addon.prepare(session, nodes(signature.inputs), nodes(signature.outputs));
      const problem = lieOf(signature, addon.types(call));
      if (problem !== undefined) throw new FatalError('ModelRefused', `signature ${name}: ${problem}`);
      calls.set(name, { signature, call });
    }
    return new SavedModelPredictor(addon, model.signatures, calls);
  } catch (error) {
    if (error instanceof FatalError) throw error;
    throw new FatalError(
      'ModelLoadFailed',
      `TensorFlow cannot load the SavedModel: ${shortMessage(error, model.directory)}`,
      {
        cause: error,
      },
    );
  }
}

/** A tensor of another type than the signature says would be read under a false name. `types`: of the inputs, then of the outputs. */
function lieOf({ inputs, outputs }: Signature, types: readonly number[]): string | undefined {
  const specs = [...inputs, ...outputs];
  const at = specs.findIndex(({ dtype }, i) => types[i] !== tensorflowType(dtype));
  const spec = specs[at];
  return spec && otherType(spec, types[at] ?? 0);
}

const unlike = ({ name, shape }: TensorSpec, answered: readonly number[]) =>
  new RunError(
    `the model answers output ${name} with the shape [${answered.join(', ')}], its signature says [${shape.join(', ')}]; export it again`,
  );

class SavedModelPredictor implements Predictor {
  constructor(
    private readonly addon: SessionAddon,
    readonly signatures: ReadonlyMap<string, Signature>,
    private readonly calls: ReadonlyMap<string, Prepared>,
  ) {}

  memory(): { tensors: number; bytes: number } {
    return this.addon.held();
  }

  // The addon computes on this thread; the promise is the interface's, for engines that do not.
  predict(name: string, inputs: readonly Tensor[]): Promise<Tensor[]> {
    const prepared = this.calls.get(name);
    if (!prepared) return Promise.reject(new Error(`the model has no signature ${name}`));
    return Promise.resolve().then(() => this.#run(prepared, inputs));
  }

  #run({ signature, call }: Prepared, inputs: readonly Tensor[]): Tensor[] {
    const answers = this.#execute(call, inputs);
    return signature.outputs.map((spec, i) => {
      const { name, dtype } = spec;
      const [shape, data] = [answers[2 * i], answers[2 * i + 1]];
      if (!shape || !data) throw new RunError(`the model gave no output ${name}`);
      if (!hasShape(spec, shape as number[])) throw unlike(spec, shape as number[]);
      return { name, dtype, shape: shape as number[], data: fromTensorflow(dtype, data as ArrayBuffer | Uint8Array[]) };
    });
  }

  #execute(call: Call, inputs: readonly Tensor[]): ReturnType<SessionAddon['run']> {
    const shapes = inputs.map(({ shape }) => shape);
    const values = inputs.map(({ dtype, data }) => toTensorflow(dtype, data));
    try {
      return this.addon.run(call, shapes, values);
    } catch (error) {
      throw runError(error);
    }
  }
}
