/** What a packed model is: its address, its files, its signature, and how it travels through a registry. */
export * from './contract.ts';
export { ConversionRefused, convertLayers, type ConvertedFile, type ConvertedModel } from './convert/index.ts';
export * from './describe.ts';
export * from './failure.ts';
export { printable, visible } from './foreign-text.ts';
export { listFiles, MAX_ENTRIES, type ModelFile, openFile, TreeDigest, treeDigest } from './files.ts';
export type {
  Asset,
  Attribute,
  GraphFunction,
  GraphNode,
  LayerOfModel,
  ModelFiles,
  ModelGraph,
  Parameter,
  TensorValue,
} from './graph.ts';
export { attribute, encodeSavedModel, type NodeDef, type SavedModelGraph } from './graph-writer.ts';
export * from './image.ts';
export type { LayersModel, Weight } from './keras/layers-model.ts';
export * from './layer.ts';
export { encode, Float, type Message } from './proto-writer.ts';
export { Registry, type RegistryOptions } from './registry.ts';
export { knownHosts, readCredentials } from './registry-auth.ts';
export { retry } from './retry.ts';
export {
  type Datatype,
  DEFAULT_SIGNATURE,
  type ModelFormat,
  type ModelInfo,
  type Signature,
  otherType,
  tensorflowType,
  type TensorSpec,
} from './signature.ts';
export { readArchive, untar } from './untar.ts';
export * from './uri.ts';
export { forTensorflowJs } from './tfjs-layers.ts';
export { type ModelJson, readModelJson, weightFiles } from './tfjs-model.ts';
