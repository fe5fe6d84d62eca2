{{/* Labels of every object of this chart. */}}
{{- define "operator.labels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "operator.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "operator.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "operator.name" .) }}
{{- end }}

{{/* repository:tag, or repository@digest when there is one. */}}
{{- define "operator.image" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}

{{/* What the operator may do in a namespace it looks after: the verbs it uses, and no others. */}}
{{- define "operator.rules" -}}
- apiGroups: [modelserving.dev]
  resources: [modeldeployments]
  # patch: only spec.rollbackTo, when an undo is adopted
  verbs: [list, watch, patch]
- apiGroups: [modelserving.dev]
  resources: [modeldeployments/status]
  verbs: [patch]
{{- if .Values.rbac.ownerReferencesPermissionEnforcement }}
- apiGroups: [modelserving.dev]
  resources: [modeldeployments/finalizers]
  verbs: [update]
{{- end }}
- apiGroups: [apps]
  resources: [deployments]
  # delete: the one of the pods on trial
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [replicasets]
  # patch: a second owner for one that is handed over; delete: its empty twin
  verbs: [list, watch, patch, delete]
- apiGroups: ['']
  resources: [services]
  # delete: the one of the pods on trial
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
- apiGroups: ['']
  resources: [pods]
  # create: pods that resolve a tag; delete: those, and pods that sit in a back-off when Retry is asked for;
  # patch: the annotation that says which share of the requests a serving pod forwards
  verbs: [get, list, watch, create, patch, delete]
{{- if .Values.gatewayAPI.enabled }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  # patch: the weights of a trial, in routes that a ModelDeployment of the same namespace names
  verbs: [list, watch, patch]
{{- end }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
