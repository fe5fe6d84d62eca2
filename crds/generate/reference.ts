import type { Schema } from './crd.ts';

/** The field reference, docs/reference/api.md. */
export function makeReference(schema: Schema): string {
  const { spec, status } = schema.properties ?? {};
  if (spec === undefined || status === undefined) throw new Error('the CRD has no spec or no status');
  return [
    '# ModelDeployment, field by field',
    '',
    '`apiVersion: modelserving.dev/v1alpha1`, `kind: ModelDeployment`, short name `mdep`. The same text is in `kubectl explain mdep.spec`.',
    '',
    schema.description ?? '',
    '',
    ...rules(schema),
    '## spec',
    '',
    ...fields(spec, 'spec'),
    '## status',
    '',
    'Written by the operator; never by you.',
    '',
    ...fields(status, 'status'),
  ].join('\n');
}

function fields(schema: Schema, path: string): string[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const own = `${path}.${name}`;
    const facts = [typeOf(field), required.has(name) ? 'required' : undefined, ...bounds(field)].filter(
      (fact) => fact !== undefined,
    );
    const inner =
      field.properties !== undefined ? field : field.items?.properties !== undefined ? field.items : undefined;
    return [
      `### \`${own}\``,
      '',
      `${facts.join(' · ')}`,
      '',
      field.description ?? '',
      '',
      ...rules(field),
      ...(inner === undefined ? [] : fields(inner, field.items === undefined ? own : `${own}[]`)),
    ];
  });
}

function typeOf(field: Schema): string {
  if (field['x-kubernetes-int-or-string'] === true) return 'number or text';
  if (field.type === 'array') return `list of ${field.items === undefined ? 'values' : typeOf(field.items)}`;
  if (typeof field.additionalProperties === 'object') return `map to ${typeOf(field.additionalProperties)}`;
  return field.format === 'date-time' ? 'time' : (field.type ?? 'value');
}

function bounds(field: Schema): (string | undefined)[] {
  return [
    field.enum === undefined ? undefined : `one of ${field.enum.map((value) => `\`${String(value)}\``).join(', ')}`,
    field.minimum === undefined ? undefined : `from ${field.minimum}`,
    field.maximum === undefined ? undefined : `to ${field.maximum}`,
    field.minLength === undefined ? undefined : `at least ${field.minLength} characters`,
    field.maxLength === undefined ? undefined : `at most ${field.maxLength} characters`,
    field.pattern === undefined ? undefined : `text matches \`${field.pattern}\``,
    defaultOf(field),
  ];
}

/** Rules beyond types, in the words that a person sees when one is broken. */
function rules(field: Schema): string[] {
  const own = field['x-kubernetes-validations'] ?? [];
  const values = typeof field.additionalProperties === 'object' ? field.additionalProperties : {};
  const messages = [
    ...own.flatMap(({ message }) => message ?? []),
    ...(values['x-kubernetes-validations'] ?? []).flatMap(({ message }) => `each value ${message}`),
  ];
  return messages.length === 0 ? [] : [...messages.map((message) => `- ${message}`), ''];
}

/** An empty object as default only opens the way for the defaults inside. */
function defaultOf({ default: value }: Schema): string | undefined {
  if (value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)) return undefined;
  return `default \`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
