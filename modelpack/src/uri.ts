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
  const form = 'write oci://registry/repository:tag or pvc://claim/folder';
  throw new ModelError(
    'BadConfiguration',
    `${JSON.stringify(uri)} is not the address of a model: ${faultOf(uri)}; ${form}`,
  );
}

function faultOf(uri: string): string {
  if (/\s/.test(uri)) return 'there is a space in it';
  const [, scheme, rest = ''] = /^([a-z0-9+.-]+):\/\/(.*)$/i.exec(uri) ?? [];
  if (scheme === undefined) return 'it does not begin with oci:// or pvc://';
  if (scheme === 'pvc') return 'a claim has a lower-case name, and the folder no empty, hidden or .. parts';
  if (scheme !== 'oci') return `${scheme}:// is not supported`;
  const [name = '', digest] = rest.split('@');
  if (digest !== undefined && !/^sha256:[0-9a-f]{64}$/.test(digest))
    return 'a digest is sha256: and 64 hexadecimal digits';
  if (!/^[^/]+\/[^/]/.test(name)) return 'it names no repository after the registry';
  if (/[A-Z]/.test(name.replace(/:[^/:]*$/, ''))) return 'registry and repository must be in lower case';
  return 'registry, repository or tag holds characters that are not allowed there';
}
