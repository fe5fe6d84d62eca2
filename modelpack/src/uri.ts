import { ModelError } from './failure.ts';

export interface OciUri {
  scheme: 'oci';
  /** `host[:port]` */
  registry: string;
  repository: string;
  tag?: string;
  /** `sha256:…` */
  digest?: string;
}

export interface PvcUri {
  scheme: 'pvc';
  claim: string;
  /** Folder inside the volume, without slashes at its ends; empty for the root. */
  path: string;
}

export type ModelUri = OciUri | PvcUri;

const OCI =
  /^oci:\/\/([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?(?::\d{1,5})?)\/([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/;
const PVC = /^pvc:\/\/([a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)((?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*)$/;

/** Reads the address of a model, by the same rules as the CRD. Throws ModelError BadConfiguration. */
export function parseModelUri(uri: string): ModelUri {
  const oci = OCI.exec(uri);
  if (oci?.[1] !== undefined && oci[2] !== undefined) {
    const [, registry, repository, tag, digest] = oci;
    if (tag === undefined && digest === undefined) {
      throw new ModelError(
        'BadConfiguration',
        `${uri} names no version; end it with a tag (:1) or a digest (@sha256:…)`,
      );
    }
    return {
      scheme: 'oci',
      registry,
      repository,
      ...(tag === undefined ? {} : { tag }),
      ...(digest === undefined ? {} : { digest }),
    };
  }
  const pvc = PVC.exec(uri);
  if (pvc?.[1] !== undefined) return { scheme: 'pvc', claim: pvc[1], path: (pvc[2] ?? '').replace(/^\//, '') };
  throw new ModelError(
    'BadConfiguration',
    `${JSON.stringify(uri)} is not the address of a model; write oci://registry/repository:tag or pvc://claim/folder`,
  );
}
