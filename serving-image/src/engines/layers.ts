/** The library for layers models, larger than all else that runs models: imported with the first of them. */
export { loadLayersModel } from '@tensorflow/tfjs-layers';
