import type { KubeObject } from '../objects.ts';

/** Whether an object is covered. Labels: `a=b`, `a==b`, `a!=b`, `a`, `!a`, `a in (b,c)`; fields: metadata.name and metadata.namespace. */
export function matches(object: KubeObject, labelSelector = '', fieldSelector = ''): boolean {
  const labels = object.metadata.labels ?? {};
  const { name, namespace = '' } = object.metadata;
  const fields: Record<string, string> = { 'metadata.name': name, 'metadata.namespace': namespace };
  return (
    terms(labelSelector).every((term) => holds(term, labels)) &&
    terms(fieldSelector).every((term) => holds(term, fields))
  );
}

function terms(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter(Boolean);
}

function holds(term: string, values: Record<string, string>): boolean {
  const set = /^(\S+) (in|notin) \(([^)]*)\)$/.exec(term);
  if (set) {
    const [, key = '', word, list = ''] = set;
    const inside = list.split(',').some((item) => item.trim() === values[key]);
    return inside === (word === 'in');
  }
  const [, key = '', operator, value] = /^!?([^=!]+)(!=|==?)?(.*)$/.exec(term) ?? [];
  if (operator === undefined) return key in values !== term.startsWith('!');
  return (values[key] === value) === (operator !== '!=');
}
