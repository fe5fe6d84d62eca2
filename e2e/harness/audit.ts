import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';

const OPERATOR = 'system:serviceaccount:modeldeployment-system:modeldeployment-operator';
const WRITES = ['create', 'update', 'patch', 'delete'];

interface AuditEntry {
  verb: string;
  stage: string;
  user: { username: string };
  objectRef?: { resource?: string; subresource?: string; namespace?: string; name?: string };
  responseStatus?: { code?: number };
}

/** Writes of the operator, by what they were. */
export interface Writes {
  /** Everything but those below. */
  counted: Record<string, number>;
  total: number;
  resolverPods: number;
  events: number;
  leases: number;
}

/** Reads the API server's audit log from where it stood when it was opened. */
export class Audit {
  private offset: number;

  constructor(private readonly file: string) {
    this.offset = statSync(file).size;
  }

  /** Writes since the last call, optionally only those about objects of one namespace. */
  async take(namespace?: string): Promise<Writes> {
    const writes: Writes = { counted: {}, total: 0, resolverPods: 0, events: 0, leases: 0 };
    const end = statSync(this.file).size;
    if (end <= this.offset) return writes;
    const lines = createInterface({ input: createReadStream(this.file, { start: this.offset, end: end - 1 }) });
    this.offset = end;
    for await (const line of lines) add(writes, JSON.parse(line) as AuditEntry, namespace);
    return writes;
  }
}

function add(writes: Writes, entry: AuditEntry, namespace: string | undefined): void {
  const { verb, stage, user, objectRef, responseStatus } = entry;
  if (stage !== 'ResponseComplete' || user.username !== OPERATOR || !WRITES.includes(verb)) return;
  if ((responseStatus?.code ?? 500) >= 400) return;
  const resource = [objectRef?.resource, objectRef?.subresource].filter(Boolean).join('/');
  if (resource === 'leases') writes.leases++;
  else if (namespace !== undefined && objectRef?.namespace !== namespace) return;
  else if (resource === 'events') writes.events++;
  else if (resource === 'pods') writes.resolverPods++;
  else {
    const key = `${verb} ${resource}`;
    writes.counted[key] = (writes.counted[key] ?? 0) + 1;
    writes.total++;
  }
}
