{{- define "farm.peer" -}}
podSelector: {matchLabels: {app.kubernetes.io/name: {{ include "farm.name" .root }}, app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .component }}}}
{{- end -}}
{{- define "farm.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "farm.fullname" .root }}-{{ .component }}
  labels: {{- include "farm.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "farm.selector" . | nindent 6 }}
{{- end -}}
{{- define "farm.redisEgress" -}}
{{- if .Values.redis.enabled -}}
- to:
    - {{ include "farm.peer" (dict "root" $ "component" "valkey") }}
  ports: [{port: 6379}]
{{- else if .Values.networkPolicy.redisTo -}}
{{ toYaml .Values.networkPolicy.redisTo }}
{{- else -}}
- ports:
    {{- range .Values.redis.external.ports }}
    - {port: {{ . }}}
    {{- end }}
{{- end -}}
{{- end -}}
