{{/*
Every flag of the controller. What is true or false is always said: leaving a switch out means its standard, not false.
A text that is empty is left out.
*/}}
{{- define "sealed-secrets.flags" -}}
{{- $values := .Values -}}
{{- $flags := list
  (list "key-prefix" $values.secretName)
  (list "key-size" $values.keySize)
  (list "key-ttl" $values.keyttl)
  (list "my-cn" $values.keyCommonName)
  (list "key-renew-period" $values.keyrenewperiod)
  (list "key-order-priority" $values.keyOrderPriority)
  (list "key-cutoff-time" $values.keycutofftime)
  (list "privatekey-annotations" (include "sealed-secrets.pairs" $values.privateKeyAnnotations))
  (list "privatekey-labels" (include "sealed-secrets.pairs" $values.privateKeyLabels))
  (list "key-wrap-recipients" (join "," $values.keyWrapping.recipients))
  (list "backup-recipients" (join "," $values.backup.recipients))
  (list "backup-to" (join "," $values.backup.to))
  (list "watch-for-secrets" $values.watchForSecrets)
  (list "accept-deprecated-v1-data" $values.acceptDeprecatedV1Data)
  (list "all-namespaces" $values.allNamespaces)
  (list "additional-namespaces" (join "," $values.additionalNamespaces))
  (list "label-selector" $values.labelSelector)
  (list "drift" $values.drift)
  (list "annotate-secrets" $values.annotateSecrets)
  (list "skip-recreate" $values.skipRecreate)
  (list "old-gc-behavior" $values.oldGcBehavior)
  (list "update-status" $values.updateStatus)
  (list "dry-run" $values.dryRun)
  (list "concurrency" $values.concurrency)
  (list "workers" $values.workers)
  (list "resync-period" $values.resyncPeriod)
  (list "full-verification-period" $values.fullVerificationPeriod)
  (list "max-unseal-retries" $values.maxRetries)
  (list "kubeclient-qps" $values.kubeClientQPS)
  (list "kubeclient-burst" $values.kubeClientBurst)
  (list "leader-election" $values.leaderElection.enabled)
  (list "lease-name" (include "sealed-secrets.leaseName" .))
  (list "lease-duration" $values.leaderElection.leaseDuration)
  (list "listen-addr" (printf ":%v" $values.containerPorts.http))
  (list "listen-metrics-addr" (printf ":%v" $values.containerPorts.metrics))
  (list "read-timeout" $values.readTimeout)
  (list "write-timeout" $values.writeTimeout)
  (list "kubeseal-endpoints" $values.kubesealEndpoints)
  (list "rate-limit" $values.rateLimit)
  (list "rate-limit-burst" $values.rateLimitBurst)
  (list "max-body-bytes" $values.maxBodyBytes)
  (list "metrics-omit-secret-labels" $values.metrics.omitSecretLabels)
  (list "log-info-stdout" $values.logInfoStdout)
  (list "log-level" $values.logLevel)
  (list "log-format" $values.logFormat)
-}}
{{- range $flags }}
{{- $name := first . }}
{{- $value := last . }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- {{ printf "--%s=%s" $name (kindIs "string" $value | ternary $value (toJson $value)) | quote }}
{{- end }}
{{- end }}
{{- /* Empty, it means none. */}}
- {{ printf "--certificate-configmap=%s" (default "" .Values.certificateConfigMap) | quote }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* A map as `key=value,key=value`. */}}
{{- define "sealed-secrets.pairs" -}}
{{- $pairs := list -}}
{{- range $key, $value := . -}}
{{- if contains "," $value -}}
{{- fail (printf "%s: a value with a comma cannot be passed to the controller" $key) -}}
{{- end -}}
{{- $pairs = append $pairs (printf "%s=%s" $key $value) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end -}}
