{{- define "millrace.labels" -}}
app.kubernetes.io/name: millrace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
{{- define "millrace.env" -}}
- name: MILLRACE_BOOTSTRAP
  value: {{ .Values.kafka.bootstrap | quote }}
- name: MILLRACE_REGISTRY
  value: {{ .Values.kafka.registry | quote }}
{{- if .Values.kafka.clientPropertiesSecret }}
- name: MILLRACE_KAFKA_CONFIG
  value: /etc/millrace-client/client.properties
{{- end }}
{{- end }}
{{- define "millrace.probes" -}}
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 5
  failureThreshold: 120
securityContext:
  {{- include "millrace.containerSecurity" . | nindent 2 }}
{{- end }}
{{- define "millrace.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
{{- define "millrace.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}
{{- define "millrace.clientMount" -}}
{{- if .Values.kafka.clientPropertiesSecret }}
- name: client
  mountPath: /etc/millrace-client
  readOnly: true
{{- end }}
{{- end }}
{{- define "millrace.clientVolume" -}}
{{- if .Values.kafka.clientPropertiesSecret }}
- name: client
  secret:
    secretName: {{ .Values.kafka.clientPropertiesSecret }}
{{- end }}
{{- end }}
