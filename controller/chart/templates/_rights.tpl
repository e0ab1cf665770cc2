{{/* What it takes to look after the SealedSecrets of a namespace, or of all. */}}
{{- define "sealed-secrets.unsealerRules" -}}
- apiGroups: [bitnami.com]
  resources: [sealedsecrets]
  verbs: [list, watch]
{{- if .Values.updateStatus }}
- apiGroups: [bitnami.com]
  resources: [sealedsecrets/status]
  verbs: [patch]
{{- end }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get{{ if not .Values.skipRecreate }}, list, watch{{ end }}, create, patch{{ if .Values.oldGcBehavior }}, delete{{ end }}]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "sealed-secrets.account" -}}
- kind: ServiceAccount
  name: {{ include "sealed-secrets.serviceAccountName" . }}
  namespace: {{ include "sealed-secrets.namespace" . }}
{{- end -}}
