import { StateError } from '../errors.ts';
import { type Access, accessFlags, runKubectl } from './kubectl.ts';

/** By it the pods and the Deployment of the operator are found. */
export const OPERATOR_SELECTOR = 'app.kubernetes.io/name=modeldeployment-operator';
const IMAGES = '{.items[*].spec.template.spec.containers[?(@.name=="operator")].env[?(@.name=="SERVING_IMAGE")].value}';

/** The serving image that the operator of the cluster gives to new revisions. */
export async function servingImageOf(access: Access): Promise<string> {
  const found = await runKubectl([
    ...accessFlags(access),
    ...['get', 'deployments', '--all-namespaces', '--selector', OPERATOR_SELECTOR, '--output', `jsonpath=${IMAGES}`],
  ]).catch(() => '');
  const [image] = found.split(' ');
  if (image !== undefined && image !== '') return image;
  throw new StateError('no operator was found in the cluster that would tell its serving image; name one with --image');
}
