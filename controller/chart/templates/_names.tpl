{{/* Names and labels are those of the Sealed Secrets chart, so that a release of it can be upgraded to this one. */}}
{{- define "sealed-secrets.name" -}}
{{- default "sealed-secrets" .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "sealed-secrets.fullname" -}}
{{- $name := include "sealed-secrets.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sealed-secrets.namespace" -}}
{{- default .Release.Namespace .Values.namespace -}}
{{- end -}}

{{- define "sealed-secrets.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sealed-secrets.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sealed-secrets.leaseName" -}}
{{- default (include "sealed-secrets.fullname" .) .Values.leaderElection.leaseName -}}
{{- end -}}

{{/* What selects the pods. */}}
{{- define "sealed-secrets.matchLabels" -}}
app.kubernetes.io/name: {{ include "sealed-secrets.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/*
The metadata that every object has, from its name on.
Arguments: context, name, and where the object has them namespace, labels and annotations.
*/}}
{{- define "sealed-secrets.metadata" -}}
{{- $context := .context -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- include "sealed-secrets.matchLabels" $context | nindent 2 }}
  app.kubernetes.io/version: {{ $context.Chart.AppVersion | quote }}
  app.kubernetes.io/part-of: sealed-secrets
  app.kubernetes.io/managed-by: {{ $context.Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" $context.Chart.Name $context.Chart.Version | replace "+" "_" }}
  {{- with merge dict (default dict .labels) (default dict $context.Values.commonLabels) }}
  {{- include "sealed-secrets.render" (dict "value" . "context" $context) | nindent 2 }}
  {{- end }}
{{- with merge dict (default dict .annotations) (default dict $context.Values.commonAnnotations) }}
annotations:
  {{- include "sealed-secrets.render" (dict "value" . "context" $context) | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A value that may hold templates, as text or as YAML. Arguments: value, context. */}}
{{- define "sealed-secrets.render" -}}
{{- tpl (kindIs "string" .value | ternary .value (toYaml .value)) .context -}}
{{- end -}}
