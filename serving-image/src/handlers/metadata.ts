/** Everything that is asked at a low rate: health, metadata, statistics, and the page for people. */
import { modelNotFound, unavailable } from '../errors.ts';
import type { Question, Target } from '../protocol/route.ts';
import { modelMetadata as metadataV1, modelStatus, servableNotFound, statusNotFound } from '../protocol/v1/metadata.ts';
import { modelConfig, modelMetadata, serverMetadata, type IndexEntry } from '../protocol/v2/metadata.ts';
import { PAGE_OF } from '../telemetry/exposition.ts';
import { readStatistics } from '../telemetry/statistics.ts';

import type { ApiRequest } from './request.ts';
import { documentOf } from './pages/documents.ts';
import { answerIndex, answerOrder } from './model-repository.ts';
import type { Served, ServerContext } from './context.ts';
import { json, type ApiResponse } from './response.ts';

export async function handleMetadata(
  service: ServerContext,
  target: Question,
  request: ApiRequest,
): Promise<ApiResponse> {
  switch (target.kind) {
    case 'page':
      return page(service, request.headers.host ?? 'localhost:8080');
    case 'openapi':
    case 'docs':
      return documentOf(service, target.kind);
    case 'metrics':
    case 'metrics.triton':
    case 'metrics.tensorflow':
    case 'metrics.all': {
      const { contentType, text } = await service.exposition(PAGE_OF[target.kind]);
      return { type: contentType, body: text };
    }
    case 'v2.live':
      return json(JSON.stringify({ live: true }));
    case 'v2.ready':
      checkReady(service);
      return json(JSON.stringify({ ready: true }));
    case 'v2.server':
      return json(serverMetadata(service.serverVersion));
    case 'v2.models':
      return json(JSON.stringify({ models: [...new Set(service.models.index().map(({ name }) => name))] }));
    case 'v2.index':
      return answerIndex(service, service.models.index(), request);
    case 'v2.load':
    case 'v2.unload':
      return answerOrder(service, target, request);
    case 'v2.stats':
      return json(await statistics(service));
    case 'v2.modelStats': {
      const { model } = found(service, target);
      return json(await statistics(service, model.name, target.version));
    }
    case 'v2.model': {
      const { model } = found(service, target);
      const served = service.models.index().filter(({ name, state }) => name === model.name && state === 'READY');
      return json(
        modelMetadata(
          model,
          served.map(({ version }) => version),
        ),
      );
    }
    case 'v2.config':
      return json(configOf(found(service, target)));
    case 'v2.modelReady': {
      const { model } = found(service, target);
      checkReady(service);
      return json(JSON.stringify({ name: model.name, ready: true }));
    }
    case 'v1.status':
      return json(modelStatus(statuses(service, target)));
    case 'v1.metadata': {
      const served = service.models.find(target);
      if (!served) throw servableNotFound(target);
      return json(metadataV1(served.model));
    }
  }
}

async function page(service: ServerContext, host: string): Promise<ApiResponse> {
  const { page } = await import('./pages/index-page.ts');
  const known = service.models.index().map(({ name, version }) => service.models.find({ model: name, version }));
  const served = known.find((one) => one !== undefined);
  if (!served) throw unavailable('no model is served here now');
  return { type: 'text/html; charset=utf-8', body: page(served.model, host) };
}

function found(service: ServerContext, target: Target): Served {
  const served = service.models.find(target);
  if (!served) throw modelNotFound(target);
  return served;
}

/** The versions whose status is asked for: all of a model, or the one with this number or label. */
function statuses(service: ServerContext, target: Target): IndexEntry[] {
  const version = target.label === undefined ? target.version : service.models.find(target)?.model.version;
  const entries = service.models
    .index()
    .filter((entry) => entry.name === target.model && (version ?? entry.version) === entry.version);
  if (entries.length === 0 || (target.label !== undefined && version === undefined)) throw statusNotFound(target);
  return entries;
}

function configOf({ model, executor }: Served): string {
  const batched = executor.isBatched(model.defaultSignature);
  return modelConfig(model, batched ? executor.limits.batchRows : 0);
}

function checkReady({ draining }: ServerContext): void {
  if (draining()) throw unavailable('not ready: the server is shutting down');
}

/** Of one model, or of all. */
async function statistics(service: ServerContext, model?: string, version?: string): Promise<string> {
  const all = readStatistics((await service.exposition('triton')).text);
  const wanted = all.filter(
    (entry) => (model ?? entry.name) === entry.name && (version ?? entry.version) === entry.version,
  );
  return JSON.stringify({ model_stats: wanted });
}
