/** One manifest that the API server must accept or refuse. */
export interface Case {
  /** Path of the field, as in `kubectl explain`. */
  field: string;
  /** Merged over MINIMAL at the top level. */
  manifest: object;
  /** Part of the message with which it is refused; undefined when it is accepted. */
  refused?: string;
}

export const URI = 'oci://registry.example/models/digits:1';

export const MINIMAL = {
  apiVersion: 'modelserving.dev/v1alpha1',
  kind: 'ModelDeployment',
  metadata: { name: 'digits' },
  spec: { model: { uri: URI } },
};

/** A case whose spec is `value` beside a right model. */
export const spec = (field: string, value: object, refused?: string): Case => ({
  field: `spec.${field}`,
  manifest: { spec: { model: { uri: URI }, ...value } },
  ...(refused === undefined ? {} : { refused }),
});
