/** Who says what is served: the settings, the repository, or clients. */
import type { Config } from '../config.ts';
import type { WantedModel } from '../model/selection.ts';
import type { ModelControl } from '../handlers/model-control.ts';
import type { Logger } from '../telemetry/log.ts';
import { ExplicitControl, type Loader } from './explicit-control.ts';
import { RepositoryPoller } from './repository-poller.ts';

export interface ModelSource {
  /** Tells what is to be served. Rejects with FatalError when that cannot be known, or clients would miss what was promised. */
  start(): Promise<void>;
  stop(): void;
  /** To be called when something has changed for the loader. */
  settle(): void;
  /** Absent unless clients say what is served. */
  modelControl?: ModelControl;
}

export function modelSourceOf(config: Config, log: Logger, loader: Loader): ModelSource {
  const { repository, name, version, policy, explicit } = config;
  const idle = { stop: () => undefined, settle: () => undefined };
  if (name !== undefined && version !== undefined) {
    const only: WantedModel = { name, versions: [{ version, identity: '' }], labels: {}, pinned: true };
    return { ...idle, start: () => Promise.resolve(loader.want([only])) };
  }
  if (explicit) {
    const control = new ExplicitControl({ repository, policy, ...explicit }, loader);
    return { ...idle, start: () => control.start(), settle: () => control.settle(), modelControl: control };
  }
  const watch = new RepositoryPoller(config, log, (models) => {
    if (models.length === 0) log.warn({ repository }, 'the repository holds no model');
    loader.want(models);
  });
  return { ...idle, start: () => watch.start(), stop: () => watch.stop() };
}
