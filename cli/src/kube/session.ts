import { ApiError, KubeClient } from '@modeldeployment/operator';
import { StateError } from '../errors.ts';
import { type Access, accessFlags, runKubectl } from './kubectl.ts';
import { KubectlProxy } from './proxy.ts';

/** Owner of the fields that this program writes, in managedFields. */
const FIELD_MANAGER = 'kubectl-mdep';

/** A cluster, reached with the rights of the user, and a namespace in it. */
export interface Session {
  access: Access;
  namespace: string;
  client: KubeClient;
  proxy: KubectlProxy;
}

/** Opens a session for `run`, and closes it whatever comes of it. */
export async function withSession<T>(access: Access, run: (session: Session) => Promise<T>): Promise<T> {
  const [proxy, namespace] = await Promise.all([KubectlProxy.open(access), namespaceOf(access)]);
  try {
    const { connection } = proxy;
    const client = new KubeClient({ connection, userAgent: FIELD_MANAGER, fieldManager: FIELD_MANAGER });
    return await run({ access: { ...access, namespace }, namespace, client, proxy });
  } catch (error) {
    const unanswered = error instanceof ApiError && (error.status === 0 || error.status >= 500);
    const why = unanswered ? await proxy.whyUnanswered() : undefined;
    throw why === undefined ? error : new StateError(`the API server does not answer: ${why}`);
  } finally {
    proxy.close();
  }
}

/** The namespace that was asked for, else that of the context. */
async function namespaceOf(access: Access): Promise<string> {
  if (access.namespace !== undefined) return access.namespace;
  const args = [
    'config',
    'view',
    '--minify',
    '-o',
    'jsonpath={.contexts[0].context.namespace}',
    ...accessFlags(access),
  ];
  // Inside of a pod there is no kubeconfig; and of a wrong context the proxy tells.
  return (await runKubectl(args).catch(() => '')).trim() || 'default';
}
