/** The program that a model is, as both formats of TensorFlow's graphs write it: nodes, functions, and what loading runs. */

import type { ModelInfo } from './signature.ts';

/** A constant or attribute tensor. Only small ones tell their values: they are axes, shapes and names, not weights. */
export interface TensorValue {
  type: number;
  /** Undefined when not even the rank is known. */
  shape: readonly number[] | undefined;
  numbers?: readonly number[];
  texts?: readonly string[];
}

/** Of a node's attribute what we read; an attribute of another kind has none of these. */
export interface Attribute {
  text?: string;
  number?: number;
  flag?: boolean;
  /** TensorFlow's number of a data type. */
  type?: number;
  /** `null`: a shape of which not even the rank is known. A dimension that is not known is -1. */
  shape?: readonly number[] | null;
  tensor?: TensorValue;
  numbers?: readonly number[];
  types?: readonly number[];
  texts?: readonly string[];
  shapes?: readonly (readonly number[] | null)[];
  /** Functions that the attribute names, those in attributes of functions included. The first is the attribute's own. */
  functions?: readonly string[];
  /** The value stands in an attribute of whoever calls the function. */
  placeholder?: string;
}

export interface GraphNode {
  name: string;
  op: string;
  /** `node`, `node:1`, in functions `node:output:0`; `^node` for one that only runs before. */
  inputs: readonly string[];
  attributes: ReadonlyMap<string, Attribute>;
}

export interface GraphFunction {
  name: string;
  parameters: readonly Parameter[];
  results: readonly Parameter[];
  nodes: readonly GraphNode[];
  /** Tensor of each result, by its name. */
  returns: ReadonlyMap<string, string>;
  controlReturns: readonly string[];
  attributes: ReadonlyMap<string, Attribute>;
}

export interface Parameter {
  name: string;
  /** It may be several tensors. */
  list: boolean;
}

/** A file of the folder whose path TensorFlow gives to a tensor while it loads. */
export interface Asset {
  tensor: string;
  file: string;
}

export interface ModelGraph {
  nodes: readonly GraphNode[];
  functions: readonly GraphFunction[];
  /** Function, and the one that computes its gradient. */
  gradients: ReadonlyMap<string, string>;
  assets: readonly Asset[];
  /** Node that restores the variables, and the tensor that is given the path of their files. */
  restore: { node: string; path: string } | undefined;
  /** Nodes that TensorFlow runs once after loading. */
  initialisers: readonly string[];
}

/** What is read of a model's files. */
export interface ModelFiles {
  info: ModelInfo;
  /** SavedModel and TFJSGraph. */
  graph?: ModelGraph;
  /** Of TFJSLayers, nested models included. */
  layers?: readonly LayerOfModel[];
}

export interface LayerOfModel {
  class: string;
  config: Readonly<Record<string, unknown>>;
}

/** More values are no axes or shapes. */
export const FEW_VALUES = 64;
/** More texts are a vocabulary, not names of features. */
export const FEW_TEXTS = 1024;

/** Reference types, which TensorFlow numbers 100 higher, hold the same values. */
export const plainType = (type: number): number => (type > 100 ? type - 100 : type);
