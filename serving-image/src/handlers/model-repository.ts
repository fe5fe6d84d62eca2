/** Triton's extension for model repositories: the index, and where the server was started for it, loading and unloading. */
import { badRequest, notFound, quote } from '../errors.ts';
import { openBody } from '../protocol/json/body.ts';
import { jsonText } from '../protocol/json/text.ts';
import type { Order } from '../protocol/route.ts';
import { readParameters } from '../protocol/v2/parameters.ts';
import { repositoryIndex, type IndexEntry } from '../protocol/v2/metadata.ts';
import type { Admission } from './admission.ts';
import type { ModelControl } from './model-control.ts';

import type { ApiRequest } from './request.ts';
import { checkMedia } from './body.ts';
import { json, type ApiResponse } from './response.ts';

export interface Repository {
  admission: Admission;
  /** Absent where clients may not load models. */
  modelControl?: ModelControl;
}

/** `known` are the versions that are served or should be. @throws RequestError */
export async function answerIndex(
  repository: Repository,
  known: readonly IndexEntry[],
  request: ApiRequest,
): Promise<ApiResponse> {
  const { ready = false } = await readObject(repository, request);
  if (typeof ready !== 'boolean') throw badRequest('ready is not true or false');
  const lying = (await repository.modelControl?.repository()) ?? [];
  const isKnown = (other: { name: string; version: string }) =>
    known.some(({ name, version }) => name === other.name && version === other.version);
  const unknown = lying.filter((other) => !isKnown(other));
  const unloaded = unknown.map(({ name, version }) => ({ name, version, state: 'UNAVAILABLE', reason: 'not loaded' }));
  return json(repositoryIndex([...known, ...unloaded], ready));
}

/** @throws RequestError */
export async function answerOrder(
  repository: Repository,
  { kind, name }: Order,
  request: ApiRequest,
): Promise<ApiResponse> {
  const { modelControl } = repository;
  if (!modelControl)
    throw notFound(
      'not found: this server loads and unloads models by itself, as its repository says; with MODEL_CONTROL=explicit it would take orders',
    );
  const { parameters } = await readObject(repository, request);
  const given = Object.keys(readParameters(parameters, 'parameters'));
  const unknown = given.find((key) => kind === 'v2.load' || key !== 'unload_dependents');
  if (unknown !== undefined)
    throw badRequest(`parameters: ${quote(unknown)} is not supported; models are loaded as they lie in the repository`);
  await (kind === 'v2.load' ? modelControl.load(name) : modelControl.unload(name));
  return { type: 'text/plain; charset=utf-8', body: '' };
}

/** The object of a body, which may be empty. @throws RequestError */
async function readObject({ admission }: Repository, request: ApiRequest): Promise<Record<string, unknown>> {
  const ticket = admission.enter();
  try {
    checkMedia(request.headers, 'v2');
    const { chunks, length } = await request.body(ticket);
    const refusal = ticket.place();
    if (refusal) throw refusal;
    if (length === 0) return {};
    const scan = openBody(jsonText(chunks, length));
    const value = scan.value();
    scan.finish();
    return value as Record<string, unknown>;
  } finally {
    ticket.leave();
  }
}
