/** What describes the server, for programs and for people. Anybody may ask for it, and making it takes longer than sending it. */
import type { ServedModel } from '../../model/types.ts';
import type { Described } from '../../protocol/openapi/document.ts';
import type { ServerContext } from '../context.ts';
import { json, type ApiResponse } from '../response.ts';

/** Each is loaded when it is first asked for. */
const MAKE = {
  openapi: async (described: Described): Promise<ApiResponse> =>
    json(Buffer.from(JSON.stringify((await import('../../protocol/openapi/document.ts')).openapi(described)))),
  docs: async (described: Described): Promise<ApiResponse> => ({
    type: 'text/html; charset=utf-8',
    body: Buffer.from((await import('./docs-page.ts')).docs(described)),
  }),
};

type Kind = keyof typeof MAKE;

/** Documents of the models that there were. */
interface Made {
  /** Names and versions of all. */
  models: string;
  /** The only one. */
  model: ServedModel | undefined;
  documents: Map<Kind, Promise<ApiResponse>>;
}

const lastMade = new WeakMap<ServerContext, Made>();

/** Made once, until other models are served. */
export function documentOf(service: ServerContext, kind: Kind): Promise<ApiResponse> {
  const index = service.models.index();
  const [only] = index;
  const model = index.length === 1 && only ? service.models.find({ model: only.name })?.model : undefined;
  const models = JSON.stringify(index.map(({ name, version }) => [name, version]));
  let made = lastMade.get(service);
  if (made?.models !== models || made.model !== model) {
    made = { models, model, documents: new Map() };
    lastMade.set(service, made);
  }
  const known = made.documents.get(kind);
  if (known) return known;
  const names = [...new Set(index.map(({ name }) => name))];
  const document = MAKE[kind](describe(service, names, model, only?.version ?? ''));
  made.documents.set(kind, document);
  return document;
}

function describe(
  { serverVersion, needsToken, modelControl }: ServerContext,
  models: string[],
  model: ServedModel | undefined,
  version: string,
): Described {
  const signatures = [...(model?.signatures.values() ?? [])];
  const signature = model?.signatures.get(model.defaultSignature);
  return {
    serverVersion,
    models,
    only: signature && { version, signature, methods: signatures.map(({ method = '' }) => method) },
    tokens: needsToken,
    modelControl: modelControl !== undefined,
  };
}
