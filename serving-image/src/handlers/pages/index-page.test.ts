import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import type { ServedModel, Signature } from '../../model/types.ts';
import { page } from './index-page.ts';

/** The command that the page for such a model shows. */
function command(tensor: string, rows: number, host = 'here:80', name = 'm'): string {
  const signature: Signature = { inputs: [{ name: tensor, dtype: 'FP32', shape: [rows] }], outputs: [] };
  const signatures = new Map([['serving_default', signature]]);
  const model = { name, version: '1', format: 'SavedModel', engine: 'wasm', signatures } as unknown as ServedModel;
  const html = page({ ...model, defaultSignature: 'serving_default' }, host);
  const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
  const shown = /<pre>([^]*?)<\/pre>/.exec(html)?.[1] ?? '';
  return shown.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity);
}

/** What a shell calls when that is pasted: the words of curl, and the code for Python. */
function pasted(text: string): string[] {
  const calls = `curl() { printf '%s\\0' "$@"; cat; }; python3() { printf '%s' "$2"; }; `;
  return execFileSync('/bin/sh', ['-c', calls + text], { input: '', encoding: 'utf8' }).split('\0');
}

const HOSTILE = [
  `'; echo x; '`,
  '$(echo x)',
  '`echo x`',
  '\u001b[2J\n\u009bx',
  `"]}; import os #`,
  "it's",
  '\u202e\ud800',
];

describe('the command of the page', () => {
  it.each(HOSTILE)('asks for what a tensor named %j is, and nothing else', (name) => {
    const text = command(name, 2);
    const [url, option, body = '', rest] = pasted(text);
    expect([url, option, rest]).toEqual(['http://here:80/v1/models/m:predict', '-d', '']);
    expect(JSON.parse(body)).toEqual({ inputs: { [name]: [0, 0] } });
    expect(text).toMatch(/^[\x20-\x7e]*$/);
  });

  it.each(HOSTILE)('lets Python make the large tensor %j, and nothing else', (name) => {
    const text = command(name, 100);
    const [url, , , code = ''] = pasted(text);
    expect(url).toBe('http://here:80/v1/models/m:predict');
    const written = /^import json; print\(json\.dumps\(\{"inputs": \{(".*"): \[0\] \* 100\}\}\)\)$/.exec(code)?.[1];
    expect(JSON.parse(written ?? 'null')).toBe(name);
    expect(text).toMatch(/^[\x20-\x7e]*$/);
  });

  it.each(["x'$(echo y)", 'a b', '<script>', 'x;y'])('asks this machine when the client says it is at %j', (host) => {
    expect(pasted(command('x', 2, host))[0]).toBe('http://localhost:8080/v1/models/m:predict');
  });
});
