/** Nodes and functions as a model.json has them: graph.proto in JSON. */
export type JsonShape = { dim?: { size?: string | number }[]; unknownRank?: boolean };
export interface JsonTensor {
  dtype?: string;
  tensorShape?: JsonShape;
  intVal?: (string | number)[];
}
export interface JsonAttribute {
  s?: string;
  i?: string | number;
  b?: boolean;
  type?: string;
  shape?: JsonShape;
  tensor?: JsonTensor;
  func?: { name: string };
  list?: { i?: (string | number)[]; type?: string[]; shape?: JsonShape[]; func?: { name: string }[] };
}
export interface JsonNode {
  name: string;
  op: string;
  input?: string[];
  attr?: Record<string, JsonAttribute>;
}
export interface JsonFunction {
  signature?: { name?: string; inputArg?: JsonArgument[]; outputArg?: JsonArgument[] };
  nodeDef?: JsonNode[];
  ret?: Record<string, string>;
}
export interface JsonArgument {
  name: string;
  numberAttr?: string;
  typeListAttr?: string;
}
