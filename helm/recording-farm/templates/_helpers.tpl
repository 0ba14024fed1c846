{{- define "farm.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "farm.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "farm.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "farm.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that select: (dict "root" $ "component" "gateway"). */}}
{{- define "farm.selector" -}}
app.kubernetes.io/name: {{ include "farm.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "farm.labels" -}}
{{ include "farm.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "farm.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "farm.secretName" -}}
{{- .Values.secrets.existingSecret | default (printf "%s-secrets" (include "farm.fullname" .)) -}}
{{- end -}}

{{- define "farm.storageSecretName" -}}
{{- if .Values.storage.existingSecret -}}
{{ .Values.storage.existingSecret }}
{{- else if .Values.storage.accessKeyId -}}
{{ include "farm.fullname" . }}-storage
{{- end -}}
{{- end -}}

{{- define "farm.schedulerAddress" -}}
tcp://{{ include "farm.fullname" . }}-scheduler:8786
{{- end -}}

{{/* What is told of the cluster to who renders on it, and to who says beforehand what that would cost. */}}
{{- define "farm.clusterEnv" -}}
{{- $cpu := .Values.workers.cpu }}
- {name: FARM_SCHEDULER, value: {{ include "farm.schedulerAddress" . | quote }}}
- {name: FARM_EXPECTED_WORKERS, value: "{{ ternary $cpu.replicas $cpu.maxReplicas (eq .Values.autoscaling.mode "none") | max 1 }}"}
{{- if .Values.workers.gpu.enabled }}
- {name: FARM_POOLS, value: "nvenc{{ if .Values.workers.gpu.decode }},nvdec{{ end }}"}
{{- end }}
{{- end -}}

{{/* What every process is told of the storage. */}}
{{- define "farm.storageEnv" -}}
- name: FARM_STORAGE
  value: {{ ternary .Values.storage.mountPath .Values.storage.url (ne .Values.storage.existingClaim "") | quote }}
{{- with .Values.storage.endpoint }}
- name: FARM_S3_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .Values.storage.region }}
- name: FARM_S3_REGION
  value: {{ . | quote }}
{{- end }}
{{- with include "farm.storageSecretName" . }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_ACCESS_KEY_ID}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: AWS_SECRET_ACCESS_KEY}}
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
- name: FARM_SCRATCH_DIR
  value: /scratch
- name: TMPDIR
  value: /scratch
- name: HOME
  value: /scratch
{{- end -}}

{{/* Where Redis is, with its password. */}}
{{- define "farm.redisEnv" -}}
{{- if .Values.redis.enabled }}
- name: VALKEY_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "farm.fullname" . }}-valkey, key: password}}
- name: FARM_REDIS
  value: redis://:$(VALKEY_PASSWORD)@{{ include "farm.fullname" . }}-valkey:6379/0
{{- else }}
- name: FARM_REDIS
  valueFrom:
    secretKeyRef:
      name: {{ required "redis.external.existingSecret: name the secret that holds the URL of your Redis, or set redis.enabled" .Values.redis.external.existingSecret }}
      key: {{ .Values.redis.external.key }}
{{- end }}
{{- end -}}

{{/* (dict "root" $ "names" (list (list "FARM_MEDIA_KEYS" "media-keys" true))): variables of the secret; true: optional. */}}
{{- define "farm.secretEnv" -}}
{{- $root := .root }}
{{- range .names }}
- name: {{ index . 0 }}
  valueFrom: {secretKeyRef: {name: {{ include "farm.secretName" $root }}, key: {{ index . 1 }}, optional: {{ index . 2 }}}}
{{- end }}
{{- end -}}

{{/* What every pod of the farm has in common, at the level of its spec. */}}
{{- define "farm.podSpec" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- toYaml . | nindent 2 }}
{{- end }}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "farm.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "farm.containerImage" -}}
image: {{ include "farm.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{- define "farm.mounts" -}}
volumeMounts:
  - {name: scratch, mountPath: /scratch}
{{- if .Values.storage.existingClaim }}
  - {name: recordings, mountPath: {{ .Values.storage.mountPath }}}
{{- end }}
{{- end -}}

{{/* (dict "root" $ "size" "1Gi") */}}
{{- define "farm.volumes" -}}
volumes:
  - name: scratch
    emptyDir: {sizeLimit: {{ .size }}}
{{- if .root.Values.storage.existingClaim }}
  - name: recordings
    persistentVolumeClaim: {claimName: {{ .root.Values.storage.existingClaim }}}
{{- end }}
{{- end -}}

{{/* Pods of one component apart from each other, where nodes and zones allow it. */}}
{{- define "farm.spread" -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "farm.selector" $ | nindent 8 }}
  {{- end }}
{{- end -}}

{{- define "farm.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
