import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exec } from '../../tools/exec.ts';
import { type ClusterPlan, LINK, MAX_NODES, nodeName, SERVICES } from './plan.ts';

const DAYS = '3650';

/** Keys and certificates of a cluster, made once and kept until it is purged. */
export async function makePki(plan: ClusterPlan): Promise<void> {
  const folder = join(plan.folder, 'pki');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await makeKey(folder, 'ca');
  await makeKey(folder, 'sa');
  if (!existsSync(join(folder, 'ca.crt'))) {
    await exec(
      'openssl',
      ['req', '-x509', '-new', '-key', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=mdep-ca', '-days', DAYS],
      { cwd: folder },
    );
  }
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    'localhost',
  ];
  const addresses = [SERVICES.apiserver, LINK.controlPlane, '127.0.0.1'];
  const alternatives = [...names.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)].join(
    ',',
  );
  await Promise.all([
    makeCertificate(folder, 'apiserver', '/CN=apiserver', alternatives),
    makeCertificate(folder, 'admin', '/O=system:masters/CN=admin'),
    makeCertificate(folder, 'controller-manager', '/CN=system:kube-controller-manager'),
    makeCertificate(folder, 'scheduler', '/CN=system:kube-scheduler'),
    makeCertificate(folder, 'proxy', '/CN=system:kube-proxy'),
    makeCertificate(folder, 'kubelet-client', '/O=system:masters/CN=kube-apiserver-kubelet-client'),
    makeCertificate(folder, 'aggregator', '/CN=aggregator'),
    ...Array.from({ length: MAX_NODES }, (_, index) =>
      makeCertificate(
        folder,
        nodeName(index),
        `/O=system:nodes/CN=system:node:${nodeName(index)}`,
        `DNS:${nodeName(index)},IP:${LINK.node(index)}`,
      ),
    ),
  ]);
}

async function makeKey(folder: string, name: string): Promise<void> {
  if (existsSync(join(folder, `${name}.key`))) return;
  await exec('openssl', ['ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', `${name}.key`], {
    cwd: folder,
  });
}

async function makeCertificate(folder: string, name: string, subject: string, alternatives?: string): Promise<void> {
  if (existsSync(join(folder, `${name}.crt`))) return;
  await makeKey(folder, name);
  const extensions = [
    'extendedKeyUsage=clientAuth,serverAuth',
    ...(alternatives === undefined ? [] : [`subjectAltName=${alternatives}`]),
  ];
  writeFileSync(join(folder, `${name}.ext`), extensions.join('\n'));
  await exec('openssl', ['req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`], {
    cwd: folder,
  });
  const sign = [
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-days',
    DAYS,
    '-extfile',
    `${name}.ext`,
  ];
  const serial = ['-set_serial', `0x${Buffer.from(`${name}-${Date.now()}`).toString('hex').slice(0, 32)}`];
  // Written under another name first: a certificate that exists is complete.
  await exec('openssl', [...sign, ...serial, '-out', `${name}.new`], { cwd: folder });
  await exec('mv', [`${name}.new`, `${name}.crt`], { cwd: folder });
}

/** A kubeconfig that holds its certificates, so that it can be copied. */
export function writeKubeconfig(plan: ClusterPlan, file: string, user: string, server: string): void {
  const pki = (name: string): string => readFileSync(join(plan.folder, 'pki', name)).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: plan.name, cluster: { server, 'certificate-authority-data': pki('ca.crt') } }],
    users: [
      { name: user, user: { 'client-certificate-data': pki(`${user}.crt`), 'client-key-data': pki(`${user}.key`) } },
    ],
    contexts: [{ name: plan.name, context: { cluster: plan.name, user } }],
    'current-context': plan.name,
  };
  // JSON is YAML, and needs no quoting rules.
  writeFileSync(file, JSON.stringify(config, null, 2), { mode: 0o600 });
}
