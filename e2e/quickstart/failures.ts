/** What a person can do about the failures that are likely on a fresh machine. */
const HINTS: readonly [RegExp, string][] = [
  [
    /needs root/,
    'Run it as root (sudo), or use a cluster you have: npm run quickstart -- --context NAME --registry-push HOST --registry-pull HOST',
  ],
  [/spawn go ENOENT/, 'Go is missing: install Go 1.25 or newer, it compiles Kubernetes.'],
  [/ENOSPC|no space left/i, 'The disk is full: the cache and the cluster need about 10 GB.'],
  [/spawn (buildah|mmdebstrap) ENOENT/, 'Install the Debian packages buildah and mmdebstrap.'],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|no such host|i\/o timeout/,
    'A package registry cannot be reached; check the network and proxy settings.',
  ],
  [
    /waited \d+ s for/,
    'Something did not come in time. Look closer: npm run quickstart -- --keep, then kubectl get pods -A and kubectl describe.',
  ],
];

export function explain(error: Error): string {
  return (
    HINTS.find(([pattern]) => pattern.test(error.message))?.[1] ??
    'docs/troubleshooting.md lists causes and what to do about them.'
  );
}
