import type { KubeObject } from '../objects.ts';
import type { ResourceType } from '../resources.ts';

/** A namespaced type of no meaning, with a status. */
export const THINGS: ResourceType = {
  group: 'example.dev',
  version: 'v1',
  plural: 'things',
  kind: 'Thing',
  namespaced: true,
};

export interface Thing extends KubeObject {
  spec?: { size?: number; color?: string; parts?: string[] };
  status?: { ready?: boolean };
}

/** A Thing as the API server would have stored it. */
export function thing(
  name: string,
  resourceVersion: number,
  rest: Partial<Thing> & { uid?: string; labels?: Record<string, string> } = {},
): Thing {
  const { uid = `uid-of-${name}`, labels, ...more } = rest;
  const metadata = {
    namespace: 'default',
    name,
    uid,
    resourceVersion: String(resourceVersion),
    ...(labels ? { labels } : {}),
  };
  return { apiVersion: 'example.dev/v1', kind: 'Thing', metadata, ...more };
}

/** A Thing as it is sent. */
export const manifest = (name: string, size?: number) => ({
  apiVersion: 'example.dev/v1',
  kind: 'Thing',
  metadata: { namespace: 'default', name },
  spec: size === undefined ? {} : { size },
});
