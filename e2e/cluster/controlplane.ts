import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from './build.ts';
import { type ClusterPlan, LINK, namespaceFile, SERVICES } from './plan.ts';
import { writeKubeconfig } from './pki.ts';
import { recordPid } from './processes.ts';
import { daemon } from './shell.ts';

export const auditLog = (plan: ClusterPlan): string => join(plan.folder, 'log', 'audit.log');

/** Writes are logged with who made them, so that stories can count them; of our own kind with the objects. */
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', verbs: ['get', 'list', 'watch'] },
    { level: 'RequestResponse', resources: [{ group: 'modelserving.dev' }] },
    { level: 'Metadata' },
  ],
};

/** Starts etcd and the API server. */
export function startApiserver(plan: ClusterPlan, bin: Binaries): void {
  start(plan, bin, 'etcd', [
    `--data-dir=${join(plan.folder, 'etcd')}`,
    '--listen-client-urls=http://127.0.0.1:2379',
    '--advertise-client-urls=http://127.0.0.1:2379',
    '--listen-peer-urls=http://127.0.0.1:2380',
    '--initial-advertise-peer-urls=http://127.0.0.1:2380',
    '--initial-cluster=default=http://127.0.0.1:2380',
    // A cluster for tests starts empty every time; it has nothing to lose in a power cut.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]);
  const policy = join(plan.folder, 'audit-policy.json');
  writeFileSync(policy, JSON.stringify(AUDIT_POLICY));
  const pki = (name: string): string => join(plan.folder, 'pki', name);
  start(plan, bin, 'kube-apiserver', [
    '--etcd-servers=http://127.0.0.1:2379',
    `--service-cluster-ip-range=${SERVICES.network}`,
    `--advertise-address=${LINK.controlPlane}`,
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    `--service-account-key-file=${pki('sa.key')}`,
    `--service-account-signing-key-file=${pki('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--kubelet-client-certificate=${pki('kubelet-client.crt')}`,
    `--kubelet-client-key=${pki('kubelet-client.key')}`,
    `--kubelet-certificate-authority=${pki('ca.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--enable-aggregator-routing=true',
    `--requestheader-client-ca-file=${pki('ca.crt')}`,
    '--requestheader-allowed-names=aggregator',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${pki('aggregator.crt')}`,
    `--proxy-client-key-file=${pki('aggregator.key')}`,
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${auditLog(plan)}`,
    // Pods leave a dead node after seconds, not after five minutes.
    '--default-not-ready-toleration-seconds=5',
    '--default-unreachable-toleration-seconds=5',
    // Stories play other people's policies.
    '--feature-gates=ImageVolume=true,MutatingAdmissionPolicy=true',
    '--runtime-config=admissionregistration.k8s.io/v1beta1=true',
    '--shutdown-delay-duration=0s',
  ]);
}

/** Starts the controllers and the scheduler, once the API server answers. */
export function startControllers(plan: ClusterPlan, bin: Binaries): void {
  const pki = (name: string): string => join(plan.folder, 'pki', name);
  const kubeconfig = (user: string): string => {
    const file = join(plan.folder, `${user}.kubeconfig`);
    writeKubeconfig(plan, file, user, 'https://127.0.0.1:6443');
    return file;
  };
  start(plan, bin, 'kube-controller-manager', [
    `--kubeconfig=${kubeconfig('controller-manager')}`,
    `--service-account-private-key-file=${pki('sa.key')}`,
    `--root-ca-file=${pki('ca.crt')}`,
    `--cluster-signing-cert-file=${pki('ca.crt')}`,
    `--cluster-signing-key-file=${pki('ca.key')}`,
    '--use-service-account-credentials',
    '--allocate-node-cidrs=false',
    '--leader-elect=false',
    // By default it starts its controllers 150 ms apart.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    '--pvclaimbinder-sync-period=1s',
    '--horizontal-pod-autoscaler-sync-period=2s',
    '--node-monitor-period=1s',
    '--node-monitor-grace-period=8s',
    '--node-eviction-rate=10',
    '--secondary-node-eviction-rate=10',
    '--unhealthy-zone-threshold=1',
  ]);
  start(plan, bin, 'kube-scheduler', [
    `--kubeconfig=${kubeconfig('scheduler')}`,
    '--leader-elect=false',
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
  ]);
}

function start(plan: ClusterPlan, bin: Binaries, component: string, flags: readonly string[]): void {
  const command = ['nsenter', `--net=${namespaceFile(plan.name, 'cp')}`, bin.kubebox, component, ...flags];
  recordPid(plan, component, daemon(command, join(plan.folder, 'log', `${component}.log`), { cwd: plan.folder }));
}
