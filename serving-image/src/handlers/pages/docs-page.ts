import { operations, type Described, type Operation } from '../../protocol/openapi/document.ts';
import { escape } from './index-page.ts';

/** The page at `/docs`: every path with what it takes and gives. It needs nothing from anywhere else. Pure. */
export function docs(described: Described): string {
  const sections = operations(described).map(([kind, operation]) => section(kind, operation, described));
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Model server</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}pre{background:#f4f4f4;padding:1em;overflow:auto}code{background:#f4f4f4}b{display:inline-block;min-width:3em}</style>
<h1>Model server ${escape(described.serverVersion)}</h1>
<p>Models: ${described.models.map((name) => `<code>${escape(name)}</code>`).join(', ') || 'none'}. The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>
${described.tokens ? '<p>Every request but those for health needs <code>Authorization: Bearer TOKEN</code>.</p>' : ''}
${sections.join('\n')}</html>\n`;
}

function section(
  kind: string,
  { method, paths, summary, body, answer, refusals }: Operation,
  described: Described,
): string {
  const lines = paths.map((path) => `<b>${method.toUpperCase()}</b> <code>${escape(path)}</code>`).join('<br>');
  const schema = (title: string, content: unknown) =>
    `<details><summary>${title}</summary><pre>${escape(JSON.stringify(content, null, 2))}</pre></details>`;
  return `<h2 id="${kind}">${escape(summary)}</h2><p>${lines}</p>
${body ? schema('Takes', body(described)) : ''}${typeof answer === 'string' ? `<p>Gives ${answer}.</p>` : schema('Gives', answer)}
${refusals.length > 0 ? `<p>Refusals: ${refusals.join(', ')}, as <code>{"error": "…"}</code>.</p>` : ''}`;
}
