# Sourced by up.sh: the cluster's certificate authority, certificates and kubeconfigs. Runs in $work/pki; nothing of it outlives the cluster.
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

certificate() { # NAME SUBJECT [SUBJECT-ALT-NAMES], good for client and server
  openssl req "${new_key[@]}" -subj "$2" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n%s' "${3:+subjectAltName=$3}" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" -days 3650 \
    -extfile "$1.ext" -out "$1.crt" 2>/dev/null
  rm "$1.csr" "$1.ext"
}

kubeconfig() { # NAME of a certificate, FILE
  cat >"$2" <<Y
apiVersion: v1
kind: Config
clusters: [{name: $NAME, cluster: {server: "https://$net.2:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: $NAME, context: {cluster: $NAME, user: $1}}]
current-context: $NAME
Y
}

control_plane_certificates() {
  local service=kubernetes.default.svc component
  openssl req -x509 "${new_key[@]}" -days 3650 -subj "/CN=$NAME-ca" -keyout ca.key -out ca.crt \
    -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>/dev/null
  certificate apiserver /CN=kube-apiserver \
    "DNS:kubernetes,DNS:kubernetes.default,DNS:$service,DNS:$service.cluster.local,DNS:localhost,IP:$services.0.1,IP:$net.2,IP:127.0.0.1"
  certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
  certificate front-proxy /CN=front-proxy
  certificate admin /O=system:masters/CN=admin
  for component in kube-controller-manager kube-scheduler kube-proxy; do
    certificate "$component" "/CN=system:$component"
    kubeconfig "$component" "$component.kubeconfig"
  done
  openssl genrsa -out sa.key 2048 2>/dev/null
  openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
}

node_certificate() { # INDEX: the kubelet's, as a client and as a server
  certificate "n$1" "/O=system:nodes/CN=system:node:n$1" "DNS:n$1,IP:$net.$((1 + $1))"
  kubeconfig "n$1" "n$1.kubeconfig"
}
