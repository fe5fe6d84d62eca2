import { FIELD_MANAGER } from '../names.ts';

/** Who has written which fields, an entry of `metadata.managedFields`. */
export interface Editor {
  manager: string;
  time: string;
  fields: object;
}

/** An object of ours as the watches keep it: with those who wrote a part of it beside the operator. */
export interface Edited {
  editors?: readonly Editor[];
}

/** All who wrote a part of an object and are not the operator, the last first. What they said of its status does not count. */
export function editorsOf(managedFields: readonly unknown[] | undefined): Editor[] {
  return (managedFields ?? [])
    .flatMap((entry): Editor[] => {
      const { manager, time, fieldsV1, subresource } = (entry ?? {}) as Record<string, unknown>;
      if (typeof manager !== 'string' || manager === FIELD_MANAGER || subresource === 'status') return [];
      if (typeof fieldsV1 !== 'object' || fieldsV1 === null) return [];
      return [{ manager, time: typeof time === 'string' ? time : '', fields: fieldsV1 }];
    })
    .sort((one, other) => other.time.localeCompare(one.time));
}

/**
 * Who else wrote a field last, as `spec.template.spec.containers[server].image`; undefined where that is not known: what a policy
 * or a webhook changes of a request is noted as the requester's.
 */
export function managerOf(object: object | undefined, path: string): string | undefined {
  const { editors, metadata } = (object ?? {}) as Edited & { metadata?: { managedFields?: unknown[] } };
  const all = metadata?.managedFields === undefined ? (editors ?? []) : editorsOf(metadata.managedFields);
  return all.find(({ fields }) => has(fields, path))?.manager;
}

/** Keys may have dots in them, so a path is followed by the keys that are there. */
function has(fields: object, path: string): boolean {
  const rest = path.replace(/^\./, '');
  const inner = Object.entries(fields).filter(([key]) => key !== '.');
  // All of it is one to the API server, or the path has come to its end.
  if (rest === '' || inner.length === 0) return true;
  return inner.some(([key, value]) => {
    const length = lengthOf(key, rest);
    return length > 0 && has(value as object, rest.slice(length));
  });
}

/** How much of the path a key of fieldsV1 stands for: `f:name` for a field, `k:{…}` for the entry of a list. */
function lengthOf(key: string, path: string): number {
  if (key.startsWith('f:')) {
    const name = key.slice(2);
    const next = path[name.length];
    return path.startsWith(name) && (next === undefined || next === '.' || next === '[') ? name.length : 0;
  }
  const [all = '', name = ''] = /^\[([^\]]*)\]/.exec(path) ?? [];
  return key.startsWith('k:') && all !== '' && namesOf(key.slice(2)).includes(name) ? all.length : 0;
}

function namesOf(key: string): string[] {
  try {
    return Object.values(JSON.parse(key) as object).map(String);
  } catch {
    return [];
  }
}
