/** What people have, made into what is served: with readers of HDF5 and zips, which neither the server nor the operator need. */
export { isLayerConfig, type LayerConfig, layersIn, nameOf } from '../keras/config.ts';
export type { LayersModel, Weight } from '../keras/layers-model.ts';
export { type PreparedModel, prepareModel } from './prepare.ts';
