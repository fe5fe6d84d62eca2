import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exec } from '../../tools/exec.ts';

/** The Go module that Gateway API is released as, and the checksum of its content. */
const MODULE = 'sigs.k8s.io/gateway-api@v1.4.1';
const SUM = 'h1:NPxFutNkKNa8UfLd2CMlEuhIPMQgDQ6DXNKG9sHbJU8=';

/** The CustomResourceDefinition of HTTPRoutes, as YAML. */
export async function httpRouteCrd(): Promise<string> {
  const said = await exec('go', ['mod', 'download', '-json', MODULE]);
  const { Dir, Sum } = JSON.parse(said) as { Dir: string; Sum: string };
  if (Sum !== SUM) throw new Error(`${MODULE} has the checksum ${Sum}, not ${SUM}`);
  return readFileSync(join(Dir, 'config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'), 'utf8');
}
