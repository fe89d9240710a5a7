{{/* (dict "root" $ "name" postgresql|redis "port" number) */}}
{{- define "articdbm.evaluationService" -}}
apiVersion: v1
kind: Service
metadata:
  name: articdbm-evaluation-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "articdbm.labels" .root | nindent 4 }}
spec:
  selector:
    app.kubernetes.io/name: articdbm-evaluation-{{ .name }}
  ports:
    - name: {{ .name }}
      port: {{ .port }}
      targetPort: {{ .name }}
{{- end }}
