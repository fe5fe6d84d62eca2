import { zeros } from '../../model/rows.ts';
import type { ServedModel, Signature, Tensor, TensorSpec } from '../../model/types.ts';
import { JsonWriter } from '../../protocol/json/writer.ts';

/** The page at `/`: what is served here and how to ask it. Pure. */
export function page(model: ServedModel, host: string): string {
  const signature = model.signatures.get(model.defaultSignature) ?? { inputs: [], outputs: [] };
  const rows = (specs: readonly TensorSpec[]) =>
    specs
      .map(
        ({ name, dtype, shape }) =>
          `<tr><td>${escape(name)}<td>${dtype}<td>[${shape.map((n) => (n < 0 ? 'any' : n)).join(', ')}]`,
      )
      .join('');
  const title = `${model.name} version ${model.version}`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em}td,th{padding:.2em 1em .2em 0;text-align:left}pre{background:#f4f4f4;padding:1em;overflow:auto}</style>
<h1>${escape(title)}</h1><p>A ${model.format}, run by the engine ${model.engine}.</p>
<h2>Inputs</h2><table><tr><th>name<th>type<th>shape</tr>${rows(signature.inputs)}</table>
<h2>Outputs</h2><table><tr><th>name<th>type<th>shape</tr>${rows(signature.outputs)}</table>
<h2>Try it</h2><pre>${escape(curl(model.name, signature, host))}</pre>
<p>Also here: <a href="/v2/models/${encodeURIComponent(model.name)}">metadata</a>, <a href="/v2/health/ready">health</a>, <a href="/metrics">metrics</a>, <a href="/docs">all paths</a>.</p></html>\n`;
}

/**
 * A command that works when pasted, and does nothing else, whatever the names of models and tensors are. Large inputs are made
 * by the shell's own tools, or the line would fill pages.
 */
function curl(name: string, signature: Signature, host: string): string {
  const tensors = zeros(signature);
  const longest = 64;
  const url = word(`http://${HOST.test(host) ? host : 'localhost:8080'}/v1/models/${encodeURIComponent(name)}:predict`);
  if (tensors.every(({ data }) => data.length <= longest)) {
    const text = (tensor: Tensor) => new JsonWriter().nested(tensor).finish().toString();
    const inputs = tensors.map((tensor) => `${literal(tensor.name)}:${text(tensor)}`).join(',');
    return `curl ${url} -d ${word(`{"inputs":{${inputs}}}`)}`;
  }
  const code = tensors
    .map(
      (tensor) =>
        `${literal(tensor.name)}: ${tensor.shape.reduceRight((inner, size) => `[${inner}] * ${size}`, tensor.dtype === 'BYTES' ? '""' : '0')}`,
    )
    .join(', ');
  return `python3 -c ${word(`import json; print(json.dumps({"inputs": {${code}}}))`)} | curl ${url} -d @-`;
}

const HOST = /^[\w.:[\]-]{1,255}$/;

/** One word of a shell. */
const word = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** A text in JSON and in Python, in letters that no terminal takes for anything else. */
const literal = (text: string) =>
  JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
export const escape = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
