/** What a packed model is: its address, its files, its signature, and how it travels through a registry. */
export * from './contract.ts';
export * from './describe.ts';
export * from './failure.ts';
export * from './files.ts';
export {
  ANNOTATION_FORMAT,
  describeStream,
  type Descriptor,
  digestOf,
  groupIntoLayers,
  type ImageManifest,
  makeManifest,
  MEDIA,
  readManifest,
  tarOf,
} from './image.ts';
export * from './registry.ts';
export { readCredentials } from './registry-auth.ts';
export * from './signature.ts';
export { untar } from './untar.ts';
export * from './uri.ts';
export { readModelJson } from './tfjs-model.ts';
