/**
 * npm run bench -- rollout | server | beside | overload | profile | forward | abuse [--options]
 *
 *   rollout    how fast a version switches on a real cluster, and what the operator writes meanwhile
 *   server     the inference server beside its peers: docs/benchmarks/server.md
 *   beside     this server beside that of another checkout
 *   overload   the inference server at two, five and ten times of what it can do: docs/benchmarks/overload.md
 *   profile    where the CPU time of a worker goes under one load
 *   forward    what it costs to forward a part of the requests during a trial
 *   abuse      what good clients notice of thirty kinds of attacks: docs/benchmarks/abuse.md
 */
const BENCHES: Readonly<Record<string, () => Promise<unknown>>> = {
  rollout: () => import('./rollout.ts'),
  server: () => import('./server.ts'),
  beside: () => import('./beside.ts'),
  overload: () => import('./overload.ts'),
  profile: () => import('./profile.ts'),
  forward: () => import('./forward.ts'),
  abuse: () => import('./abuse.ts'),
};

// What follows the name is for the bench itself, which reads process.argv when it is imported.
const [name = ''] = process.argv.splice(2, 1);
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (bench === undefined) {
  console.error(`Which bench? npm run bench -- ${Object.keys(BENCHES).join(' | ')}`);
  process.exitCode = 2;
} else {
  await bench();
}
