{{- define "articdbm.gatewaySelector" -}}
app.kubernetes.io/name: articdbm-gateway
app.kubernetes.io/instance: {{ .name }}
{{- end }}

{{/* A gateway's listeners as JSON: [{backend: namespace/name, port}]. (dict "root" $ "gateway" gateway) */}}
{{- define "articdbm.gatewayListeners" -}}
{{- $gateway := .gateway }}
{{- $who := printf "gateway %s/%s" $gateway.namespace $gateway.name }}
{{- with .root.Values.watchNamespaces }}
{{- if not (has $gateway.namespace .) }}
{{- fail (printf "%s: the operator does not look at namespace %s: add it to watchNamespaces" $who $gateway.namespace) }}
{{- end }}
{{- end }}
{{- $ports := dict "19090" "its own metrics" }}
{{- $listeners := list }}
{{- range $gateway.backends }}
{{- $parts := splitList "=" . }}
{{- $path := splitList "/" (first $parts) }}
{{- $port := "5432" }}
{{- if gt (len $parts) 1 }}{{ $port = last $parts }}{{ end }}
{{- if and (gt (len $path) 1) (ne (first $path) $gateway.namespace) }}
{{- fail (printf "%s: %s is of another namespace: a gateway serves backends of its own namespace, where they name it in spec.gateways" $who (first $parts)) }}
{{- end }}
{{- if or (gt (int $port) 65535) (lt (int $port) 1024) }}
{{- fail (printf "%s: port %s of %s can not be: 1024 to 65535, since it does not run as root" $who $port (first $parts)) }}
{{- end }}
{{- if hasKey $ports $port }}
{{- fail (printf "%s: port %s of %s is taken by %s: give each backend its own, as in %s=%d" $who $port (first $parts) (get $ports $port) (first $parts) (add (int $port) 1)) }}
{{- end }}
{{- $_ := set $ports $port (first $parts) }}
{{- $listeners = append $listeners (dict "backend" (printf "%s/%s" $gateway.namespace (last $path)) "port" (int $port)) }}
{{- end }}
{{- toJson $listeners }}
{{- end }}
