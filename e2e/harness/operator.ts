import type { Scene } from './story.ts';

/** Ends the operator's process without a word, as the loss of its node would. */
export async function killOperator({ cluster, operatorNamespace }: Scene): Promise<void> {
  const label = 'app.kubernetes.io/name=modeldeployment-operator';
  await cluster.kubectl(['delete', 'pod', '-n', operatorNamespace, '-l', label, '--grace-period=0', '--force']);
}
