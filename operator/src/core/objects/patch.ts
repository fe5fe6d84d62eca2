/** One operation of a JSON patch. */
export interface PatchOperation {
  op: 'add' | 'replace' | 'test' | 'remove';
  path: string;
  value?: unknown;
}

/** A change in between answers 409. */
export const unchanged = (live: { metadata?: { resourceVersion?: string | undefined } }): PatchOperation => ({
  op: 'replace',
  path: '/metadata/resourceVersion',
  value: live.metadata?.resourceVersion,
});
