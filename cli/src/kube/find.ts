import { GROUP, type Informers, isNotFound, type LiveModel, MODEL_DEPLOYMENTS } from '@modeldeployment/operator';
import { InterruptedError, StateError } from '../errors.ts';
import type { ModelObjects } from '../family.ts';
import { ModelObjectsReader } from './reader.ts';
import type { Session } from './session.ts';

export const fullName = (name: string): string => `modeldeployment.${GROUP}/${name}`;

/** There is no such ModelDeployment; says which there are. */
async function notFound({ client, namespace }: Session, name: string): Promise<StateError> {
  const { items } = await client.list(MODEL_DEPLOYMENTS, { namespace, limit: 10 });
  const names = items.map(({ metadata }) => metadata.name);
  const others = names.length === 0 ? 'which has none' : `which has ${names.join(', ')}`;
  return new StateError(`there is no ModelDeployment ${name} in namespace ${namespace}, ${others}`);
}

/** One ModelDeployment; a StateError when there is none of that name. */
export async function getModel(session: Session, name: string): Promise<LiveModel> {
  const { client, namespace } = session;
  try {
    return await client.get<LiveModel>(MODEL_DEPLOYMENTS, { namespace, name });
  } catch (error) {
    throw isNotFound(error) && error.details?.name !== undefined ? await notFound(session, name) : error;
  }
}

/**
 * Keeps up with one ModelDeployment while `run` runs. A StateError when there is none of that name, an ApiError when
 * `needed` cannot be read.
 */
export async function withModelObjects<T>(
  session: Session,
  name: string,
  run: (reader: ModelObjectsReader, first: ModelObjects) => Promise<T>,
  needed?: readonly (keyof Informers)[],
): Promise<T> {
  const reader = new ModelObjectsReader(session, name);
  try {
    await reader.start(needed);
    const first = reader.read();
    if (first === undefined) throw await notFound(session, name);
    return await run(reader, first);
  } finally {
    await reader.close();
  }
}

/**
 * Waits until `look` answers something; it is called with everything that is new, and once a second with what is old, but
 * never again once this has ended: with an InterruptedError when the signal aborts, a StateError after `seconds` or when
 * the ModelDeployment is deleted.
 */
export function follow<T>(
  reader: ModelObjectsReader,
  signal: AbortSignal,
  options: { seconds?: number; look: (objects: ModelObjects) => T | undefined; overdue?: () => string },
): Promise<T> {
  const { seconds, look, overdue = () => '' } = options;
  return new Promise<T>((resolve, reject) => {
    let ended = false;
    const end = (settle: () => void): void => {
      ended = true;
      clearInterval(tick);
      clearTimeout(limit);
      settle();
    };
    const check = (): void => {
      if (ended) return;
      try {
        const objects = reader.read();
        if (objects === undefined) throw new StateError('it was deleted');
        const found = look(objects);
        if (found !== undefined) end(() => resolve(found));
      } catch (error) {
        end(() => reject(error instanceof Error ? error : new Error(String(error))));
      }
    };
    const tick = setInterval(check, 1_000);
    const late = (): void => end(() => reject(new StateError(`nothing after ${seconds} s; ${overdue()}`)));
    const limit = seconds === undefined ? undefined : setTimeout(late, seconds * 1_000);
    signal.addEventListener('abort', () => end(() => reject(new InterruptedError('interrupted'))), { once: true });
    let due = false;
    reader.onChange(() => {
      // Many changes come at once.
      if (due) return;
      due = true;
      setTimeout(() => ((due = false), check()), 50);
    });
    check();
  });
}
