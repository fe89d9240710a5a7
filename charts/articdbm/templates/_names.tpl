{{/* Names are fixed, not the release's: the operator, its webhooks' certificates and the injected proxies rely on them, and a cluster has one. */}}

{{- define "articdbm.labels" -}}
app.kubernetes.io/name: articdbm
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "articdbm.operatorSelector" -}}
app.kubernetes.io/name: articdbm
app.kubernetes.io/component: operator
{{- end }}

{{/* An image's reference. (list root image) */}}
{{- define "articdbm.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "articdbm.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What Pod Security `restricted` asks of a pod. The argument: its uid. */}}
{{- define "articdbm.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ int64 . }}
runAsGroup: {{ int64 . }}
fsGroup: {{ int64 . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* And of a container. */}}
{{- define "articdbm.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Resources as the operator's flags have them: cpu=10m,memory=96Mi. */}}
{{- define "articdbm.amounts" -}}
{{- $amounts := list }}
{{- range $name, $quantity := . }}
{{- $amounts = append $amounts (printf "%s=%v" $name $quantity) }}
{{- end }}
{{- join "," $amounts }}
{{- end }}

{{/* Where a pod runs. (dict "at" values "labels" labels-as-YAML) */}}
{{- define "articdbm.placement" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- .labels | nindent 8 }}
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- .labels | nindent 8 }}
{{- with .at.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .at.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .at.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A volume of one key of a Secret, as the file `url`. (dict "root" $ "volume" name "secret" {name, key} "value" path "evaluation" key) */}}
{{- define "articdbm.urlVolume" -}}
- name: {{ .volume }}
  secret:
    defaultMode: 0440
    {{- if .secret.name }}
    secretName: {{ .secret.name }}
    items: [{ key: {{ .secret.key }}, path: url }]
    {{- else if .root.Values.evaluation.enabled }}
    secretName: articdbm-evaluation
    items: [{ key: {{ .evaluation }}, path: url }]
    {{- else }}
    {{- fail (printf "%s.name is missing: name a Secret of namespace %s that holds the URL (or, for a trial, set evaluation.enabled=true)" .value .root.Release.Namespace) }}
    {{- end }}
{{- end }}
