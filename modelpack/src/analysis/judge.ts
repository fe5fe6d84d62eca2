/** What the files of a model tell of each of its signatures before anything of it is run. Pure. */
import { plainType, type ModelFiles, type ModelGraph } from '../graph.ts';
import { otherType, tensorflowType, type Signature, type TensorSpec } from '../signature.ts';
import { outputType } from './operations.ts';
import type { Judgement } from './verdict.ts';
import { rowsOfLayers } from './layers.ts';
import { accessOf, UNHEARD_OF, type Access } from './access.ts';
import { featuresOf } from './examples.ts';
import { Origins } from './origin.ts';
import { Reach, tensorKey, type Site } from './reach.ts';
import { rowIndependence } from './row-independence.ts';

export interface Verdicts {
  judged: ReadonlyMap<string, Judgement>;
  /** Why a signature is not served, by its name. */
  refused: ReadonlyMap<string, string>;
  /** Why nothing of the model may even be loaded. */
  loading: string | undefined;
}

/**
 * Only a SavedModel is a program with the server's rights. The kernels of TensorFlow.js compute and nothing else: of a graph that
 * they run, only rows are judged.
 */
export function judge({ info, graph, layers = [] }: ModelFiles): Verdicts {
  const signatures = Object.entries(info.signatures);
  if (graph === undefined) {
    const rows = rowsOfLayers(layers);
    return { judged: new Map(signatures.map(([name]) => [name, { effects: false, rows }])), ...NOTHING };
  }
  if (info.format !== 'SavedModel') {
    const judged = signatures.map(
      ([name, one]) => [name, { effects: false, rows: rowIndependence(graph, one) }] as const,
    );
    return { judged: new Map(judged), ...NOTHING };
  }
  return judgeProgram(graph, signatures);
}

const NOTHING = { refused: new Map<string, string>(), loading: undefined };

function judgeProgram(graph: ModelGraph, signatures: readonly [string, Signature][]): Verdicts {
  const reach = new Reach(graph);
  const judged = new Map<string, Judgement>();
  const refused = new Map<string, string>();
  for (const [name, signature] of signatures) {
    const { refusal, effects, examples } = judgeSignature(reach, graph, signature);
    if (refusal !== undefined) refused.set(name, refusal);
    else judged.set(name, { effects, rows: rowIndependence(graph, signature), examples });
  }
  return { judged, refused, loading: judgeLoading(reach, graph) };
}

function judgeSignature(reach: Reach, graph: ModelGraph, signature: Signature) {
  const { inputs, outputs } = signature;
  const own = new Set(
    [...(graph.restore ? [graph.restore.path] : []), ...graph.assets.map(({ tensor }) => tensor)].map(tensorKey),
  );
  const path = inputs.find((spec) => own.has(tensorKey(nameOf(spec))));
  if (path !== undefined) {
    const refusal = `its input ${path.name} is the path of a file of the model itself (tensor ${nameOf(path)})`;
    return { refusal, effects: false, examples: new Map() };
  }
  const fed = new Set(inputs.map((spec) => tensorKey(nameOf(spec))));
  const sites = reach.from(outputs.map(nameOf), fed);
  const lie = [...inputs, ...outputs].map((spec) => untrue(reach, spec)).find(Boolean);
  return {
    refusal: offenceIn(reach, sites, NOTHING_GIVEN) ?? lie,
    effects: sites.some(({ node }) => accessOf(node.op)?.kind === 'effect'),
    examples: featuresOf(sites, signature),
  };
}

/** While a signature runs, the path of an asset is what the graph says it is: only loading replaces it. */
const NOTHING_GIVEN: Given = { saver: new Set(), asset: new Set() };
const nameOf = ({ name, node }: TensorSpec): string => node ?? name;

/** A tensor of another type than the signature says would be sent, or be read, under a false name. */
function untrue(reach: Reach, spec: TensorSpec): string | undefined {
  const name = nameOf(spec);
  const index = Number(tensorKey(name).split(':')[1]);
  const types = reach.named(name).flatMap((node) => outputType(node, index) ?? []);
  const other = types.map(plainType).find((type) => type !== tensorflowType(spec.dtype));
  return other === undefined ? undefined : otherType(spec, other);
}

/** What TensorFlow runs on its own when it loads the model: there it may set variables and fill tables. */
function judgeLoading(reach: Reach, graph: ModelGraph): string | undefined {
  const { restore, initialisers, assets } = graph;
  const asset = new Set(assets.map(({ tensor }) => tensorKey(tensor)));
  const offence = (wanted: readonly string[], given: Given): string | undefined => {
    const sites = reach.from(wanted, new Set([...given.saver, ...given.asset]));
    return offenceIn(reach, sites, given);
  };
  const found =
    (restore && offence([restore.node], { saver: new Set([tensorKey(restore.path)]), asset })) ??
    offence(initialisers, { saver: new Set(), asset });
  if (found !== undefined) return found;
  const outside = assets.find(({ file }) => !isInside(file));
  return (
    outside && `it names the file ${JSON.stringify(outside.file)} as one of its assets, which is not inside assets/`
  );
}

const isInside = (file: string): boolean =>
  file !== '' &&
  !file.startsWith('/') &&
  !file.includes('\\') &&
  !file.includes('\0') &&
  !file.split('/').includes('..');

/** Tensors that nobody but the server gives. */
type Given = Readonly<Record<'saver' | 'asset', ReadonlySet<string>>>;

/** The first of all that runs. */
function offenceIn(reach: Reach, sites: readonly Site[], given: Given): string | undefined {
  const origins = new Origins(sites);
  for (const site of sites) {
    const offence = offenceOf(reach, site, origins, given);
    if (offence !== undefined) return offence;
  }
  return undefined;
}

/** Which node may not run, why, and what to do; undefined where it may. */
function offenceOf(reach: Reach, site: Site, origins: Origins, given: Given): string | undefined {
  const { node, within } = site;
  const access = accessOf(node.op);
  if (access === undefined && reach.isFunction(node.op)) return undefined;
  const because = access === undefined ? UNHEARD_OF : offends(access, site, origins, given);
  if (because === undefined) return undefined;
  const where = within === undefined ? '' : ` in function ${within.name}`;
  return `node ${node.name}${where} is a ${node.op}: ${because}; export the signature without it`;
}

function offends(access: Access, site: Site, origins: Origins, given: Given): string | undefined {
  if (access.kind === 'refused') return access.because;
  if (access.kind !== 'onlyWhere') return undefined;
  const { only, because } = access;
  if ('input' in only) return origins.comesFrom(site, only.input, given[only.name]) ? undefined : because;
  const attribute = site.node.attributes.get(only.attribute);
  const fits = attribute === undefined || only.allowed.test(attribute.text ?? '\0');
  return fits ? undefined : because;
}
