import type { IControllerRevision } from 'kubernetes-models/apps/v1';
import type { IPodTemplateSpec } from 'kubernetes-models/v1';
import { shortHash } from '../objects/hash.ts';
import {
  ANNOTATION,
  LABEL,
  numberOfRevision,
  type Owner,
  childLabels,
  ownerReference,
  podSelector,
  revisionName,
} from '../names.ts';
import { type Recipe, recipeHash } from './recipe.ts';
import { withoutLeak } from '../resources/template-safety.ts';

/** What a ControllerRevision of ours holds in `data`; written once, never changed. */
interface RevisionData {
  recipe: Recipe;
  version: string;
  digest: string;
  /** Serving image the template was rendered with. */
  image: string;
  template: IPodTemplateSpec;
}

/** One entry of the history, as the decisions use it. */
export interface Revision extends RevisionData {
  number: number;
  /** The template as an earlier operator has recorded it, where that is not to be written again. */
  leaky: IPodTemplateSpec | undefined;
  uri: string;
  name: string;
  uid: string | undefined;
  /** Why it failed for good, if it did. */
  condemned: string | undefined;
  /** It has been rolled out completely before. */
  served: boolean;
  requestedBy: string | undefined;
  /** What the analysis of its last trial came to. */
  verdict: string | undefined;
}

/** Who asked for a revision, and why, as far as is known. */
export interface Origin {
  requestedBy: string | undefined;
  why: string | undefined;
}

export function makeRevision(owner: Owner & Origin, number: number, data: RevisionData): IControllerRevision {
  const { requestedBy, why } = owner;
  const cause = `version ${data.version} ${data.recipe.model.uri} ${data.digest}`;
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: revisionName(owner.name, number),
      namespace: owner.namespace,
      labels: {
        ...childLabels(owner.name),
        ...podSelector(owner.name),
        [LABEL.revision]: String(number),
        [LABEL.recipe]: recipeHash(data.recipe),
      },
      annotations: {
        [ANNOTATION.changeCause]: why === undefined ? cause : `${why.slice(0, 200)} (${cause})`,
        ...(requestedBy === undefined ? {} : { [ANNOTATION.requestedBy]: requestedBy }),
      },
      ownerReferences: [ownerReference(owner)],
    },
    revision: number,
    data: { ...data, hash: shortHash(data) },
  };
}

const hashes = new WeakMap<object, string>();

/** Data are written once, and said again by a hash: admission that changes them must not change what is served. */
export function isSpoiled({ data }: IControllerRevision): boolean {
  const { hash, ...said } = (data ?? {}) as Record<string, unknown>;
  if (hash === undefined || data === undefined) return false;
  const found = hashes.get(data) ?? shortHash(said);
  hashes.set(data, found);
  return found !== hash;
}

/**
 * Reads a ControllerRevision back; undefined when it holds something else (written by hand, or by a later version). This is
 * where all templates come from that are written: none has a user's image beside credentials.
 *
 * @param servingImage what fetches instead of such an image
 */
export function readRevision(object: IControllerRevision, servingImage: string): Revision | undefined {
  const data = object.data as Partial<RevisionData> | undefined;
  if (isSpoiled(object)) return undefined;
  if (data?.recipe === undefined || data.template === undefined || data.digest === undefined) return undefined;
  const name = object.metadata?.name ?? '';
  const template = withoutLeak(data.template, data.recipe.server.image, servingImage);
  return {
    number: numberOfRevision(name) ?? object.revision,
    leaky: template === data.template ? undefined : data.template,
    name,
    uid: object.metadata?.uid,
    uri: data.recipe.model.uri,
    recipe: data.recipe,
    version: data.version ?? String(object.revision),
    digest: data.digest,
    image: data.image ?? '',
    template,
    ...notesOn(object),
  };
}

/** What has been noted in the history since it was written. */
function notesOn({ metadata }: IControllerRevision) {
  const notes = metadata?.annotations ?? {};
  return {
    condemned: notes[ANNOTATION.condemned],
    served: notes[ANNOTATION.served] !== undefined,
    requestedBy: notes[ANNOTATION.requestedBy],
    verdict: notes[ANNOTATION.verdict],
  };
}
