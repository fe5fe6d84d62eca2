/** The parts of tfjs-node's generated protocol buffer classes that are used here; the package has no types for them. */
declare module '@tensorflow/tfjs-node/dist/proto/api_pb.js' {
  interface ProtoMap<T> {
    forEach(visit: (value: T, key: string) => void): void;
  }
  interface TensorInfo {
    getName(): string;
  }
  interface SignatureDef {
    getInputsMap(): ProtoMap<TensorInfo>;
    getOutputsMap(): ProtoMap<TensorInfo>;
  }
  interface MetaGraph {
    getMetaInfoDef(): { getTagsList(): string[] } | undefined;
    getSignatureDefMap(): ProtoMap<SignatureDef>;
  }
  const messages: { SavedModel: { deserializeBinary(bytes: Uint8Array): { getMetaGraphsList(): MetaGraph[] } } };
  export default messages;
}
