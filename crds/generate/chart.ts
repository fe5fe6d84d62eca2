import { stringify } from 'yaml';
import type { Crd } from './crd.ts';

/**
 * The CRD as a template of the chart: helm never upgrades what lies in a chart's `crds/` folder. Kept on uninstall
 * unless told otherwise, because deleting the CRD deletes every model.
 */
export function makeChartTemplate(crd: Crd): string {
  const { apiVersion, kind, metadata, spec } = crd;
  // No text of the CRD may look like a template.
  const body = stringify({ spec }, { aliasDuplicateObjects: false, lineWidth: 120 }).replaceAll('{{', '{{ "{{" }}');
  return [
    '{{- if .Values.crds.install }}',
    `apiVersion: ${apiVersion}`,
    `kind: ${kind}`,
    'metadata:',
    `  name: ${metadata.name}`,
    '  labels: {{- include "operator.labels" . | nindent 4 }}',
    '  {{- if .Values.crds.keep }}',
    '  annotations:',
    '    helm.sh/resource-policy: keep',
    '  {{- end }}',
    body.trimEnd(),
    '{{- end }}',
    '',
  ].join('\n');
}
