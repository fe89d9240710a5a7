{{/* In every namespace that it looks at: all, or each of watchNamespaces. */}}
{{- define "articdbm.watchedRules" -}}
# What people describe.
- apiGroups: [articdbm.io]
  resources: [dbbackends, dbusers, dbpermissions]
  verbs: [list, watch]
# What became of it.
- apiGroups: [articdbm.io]
  resources: [dbbackends/status, dbusers/status, dbpermissions/status]
  verbs: [patch]
# Passwords and certificates in Secrets that a resource names. RBAC can't follow names, so it is any Secret by its name,
# and never a list of them.
- apiGroups: ['']
  resources: [secrets]
  verbs: [get]
# How many pods run a user's proxy.
- apiGroups: ['']
  resources: [pods]
  verbs: [list, watch]
# What people should know of, beside the resource or the pod.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Binds a role to the operator's ServiceAccount. (dict "root" $ "kind" Role|ClusterRole "name" n "namespace" ns) */}}
{{- define "articdbm.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "articdbm.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: articdbm-operator
    namespace: {{ .root.Release.Namespace }}
{{- end }}
