{{/* Pods with the label, whatever it says (a value that means nothing is refused), but for a plain no. */}}
{{- define "articdbm.asks" -}}
objectSelector:
  matchExpressions:
    - key: articdbm.io/inject
      operator: Exists
    - key: articdbm.io/inject
      operator: NotIn
      values: ['false']
{{- end }}

{{- define "articdbm.watched" -}}
{{- with .Values.watchNamespaces -}}
namespaceSelector:
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: In
      values:
        {{- toYaml . | nindent 8 }}
{{- end }}
{{- end }}
