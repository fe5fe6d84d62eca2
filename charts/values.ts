import { isMap, isScalar, parseDocument, type Pair, type Scalar, type YAMLMap } from 'yaml';

/**
 * What follows from values.yaml: its JSON schema, which helm checks values against, and the table of the README. A comment before a value
 * is its description; a comment line `@schema {…}` adds to the schema that its default implies, in YAML flow style.
 */
export type Json = Readonly<Record<string, unknown>>;

export interface Value {
  /** As `--set` takes it. */
  path: string;
  description: string;
  default: unknown;
  schema: Json;
}

const SCHEMA_LINE = /^\s*@schema (.*)$/;

/** Every value that a person may set, in the order of the file. @throws Error when a value has no description */
export function readValues(text: string): Value[] {
  return valuesOf(rootOf(text), []);
}

/** The schema that helm checks values against: what values.yaml does not name is refused. */
export function makeSchema(text: string): Json {
  // `global` is helm's own: a chart that has this one as a part hands it down.
  const { properties, ...rest } = schemaOf(rootOf(text), {});
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...rest,
    properties: { global: { type: 'object' }, ...(properties as Json) },
  };
}

/** The table of all values, in Markdown. */
export function makeTable(text: string): string {
  const rows = readValues(text).map(
    ({ path, default: value, description }) =>
      `| \`${path}\` | \`${JSON.stringify(value).replace(/^"(.+)"$/, '$1')}\` | ${description.replaceAll('|', '\\|')} |`,
  );
  return ['| value | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

function rootOf(text: string): YAMLMap {
  const { contents, errors } = parseDocument(text);
  if (errors[0]) throw errors[0];
  if (!isMap(contents)) throw new Error('values.yaml: expected a map of values');
  return withFirstComment(contents);
}

/** The parser gives the comment before the first key of a map to the map itself. */
function withFirstComment(map: YAMLMap): YAMLMap {
  const pairs = map.items as Pair<Scalar, unknown>[];
  if (pairs[0] && map.commentBefore) pairs[0].key.commentBefore ??= map.commentBefore;
  for (const { value } of pairs) if (isMap(value)) withFirstComment(value);
  return map;
}

function valuesOf(map: YAMLMap, parents: readonly string[]): Value[] {
  return (map.items as Pair<Scalar<string>, unknown>[]).flatMap((pair) => {
    const { description, schema } = commentOf(pair.key);
    const path = [...parents, pair.key.value];
    const node = pair.value;
    if (isMap(node) && node.items.length > 0 && schema['additionalProperties'] !== true) return valuesOf(node, path);
    if (description === '') throw new Error(`values.yaml: ${path.join('.')} has no comment that says what it is`);
    const value: unknown = isScalar(node) ? node.value : (node as YAMLMap).toJSON();
    return [{ path: path.join('.'), description, default: value, schema: schemaOf(node, schema) }];
  });
}

function schemaOf(node: unknown, stated: Json): Json {
  if (!isMap(node)) return { ...impliedBy(isScalar(node) ? node.value : []), ...stated };
  if (node.items.length === 0 || stated['additionalProperties'] === true) return { type: 'object', ...stated };
  const properties = (node.items as Pair<Scalar<string>, unknown>[]).map(({ key, value }) => [
    key.value,
    schemaOf(value, commentOf(key).schema),
  ]);
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) as Json, ...stated };
}

function impliedBy(value: unknown): Json {
  if (Array.isArray(value)) return { type: 'array' };
  return { type: typeof value === 'number' ? 'integer' : typeof value };
}

function commentOf(key: Scalar): { description: string; schema: Json } {
  const lines = (key.commentBefore ?? '').split('\n');
  const schema = lines.flatMap((line) => {
    const stated = SCHEMA_LINE.exec(line)?.[1];
    return stated === undefined ? [] : [parseDocument(stated).toJSON() as Json];
  });
  const words = lines.filter((line) => !SCHEMA_LINE.test(line)).map((line) => line.trim());
  return { description: words.join(' ').trim(), schema: Object.assign({}, ...schema) as Json };
}
