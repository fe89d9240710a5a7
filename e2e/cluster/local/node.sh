#!/usr/bin/env bash
# A node, inside its own pid, mount and network namespaces, as their pid 1. up.sh starts it:
#   node.sh INDEX NODES BIN NET PODS SERVICES WORK --node=FOLDER
# Ending this one process ends every daemon, pod, mount, interface and rule of the node. As bash it also reaps orphans.
set -u
index=$1 nodes=$2 bin=$3 net=$4 pods=$5 services=$6 work=$7 folder="${8#--node=}"
address="$net.$((1 + index))" api="https://$net.2:6443"
cd "$work" || exit 1
export PATH="$bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY no_proxy NO_PROXY

run() { # PROGRAM ARGUMENT…
  setsid "$@" >"$folder/log/$1.log" 2>&1 </dev/null &
}

own_paths() {
  mount -n -t proc proc /proc
  mount -n -t tmpfs tmpfs /run # xtables.lock, network namespaces, runc's state
  mkdir -p /run/containerd /run/netns "$folder"/var/lib/kubelet "$folder"/var/log/{pods,containers}
  # kubelet and CNI name paths in both. The parents are bound, not /var/lib/kubelet: a mount point made on the machine itself
  # would be removed by one cluster's end, and rmdir of a mount point of another namespace unmounts it there.
  mount -n --bind "$folder/var/lib" /var/lib
  mount -n --bind "$folder/var/log" /var/log
  mount -n --make-rshared /var/lib # else pods with mountPropagation never start
}

# kubelet insists on three settings that the whole machine shares. It is shown files that hold them, and writes nothing.
own_settings() {
  local setting name
  for setting in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
    name="${setting%=*}"
    echo "${setting#*=}" >"$folder/shown-${name#*/}"
    mount -n --bind "$folder/shown-${name#*/}" "/proc/sys/$name"
  done
  # else half of a pod's calls to a Service whose pod is on the same node hang
  sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
}

network() {
  local other
  ip link set lo up
  until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done # up.sh brings it
  ip addr add "$address/24" dev eth0
  ip link set eth0 up
  ip route add default via "$net.1" # without one the node reaches no Service, and so the API server no webhook
  for other in $(seq "$nodes"); do
    [ "$other" = "$index" ] || ip route add "$pods.$other.0/24" via "$net.$((1 + other))"
  done
}

api_server() {
  run etcd --data-dir "$work/etcd" --unsafe-no-fsync --name "$index" --initial-cluster "$index=http://127.0.0.1:2380" \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380
  run kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address="$address" --secure-port=6443 \
    --service-cluster-ip-range="$services.0.0/16" --allow-privileged=true \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --client-ca-file=pki/ca.crt \
    --tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key \
    --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority=pki/ca.crt \
    --kubelet-client-certificate=pki/kubelet-client.crt --kubelet-client-key=pki/kubelet-client.key \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file=pki/sa.pub --service-account-signing-key-file=pki/sa.key \
    --requestheader-client-ca-file=pki/ca.crt --requestheader-allowed-names=front-proxy \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file=pki/front-proxy.crt --proxy-client-key-file=pki/front-proxy.key
}

controllers() {
  # Without the rates the controller-manager throttles itself, and the first ServiceAccount comes 4 s later.
  local file rates=(--kube-api-qps=500 --kube-api-burst=1000 --leader-elect=false --bind-address=127.0.0.1)
  file=pki/kube-controller-manager.kubeconfig
  run kube-controller-manager --kubeconfig=$file --authentication-kubeconfig=$file --authorization-kubeconfig=$file "${rates[@]}" \
    --use-service-account-credentials --service-account-private-key-file=pki/sa.key --root-ca-file=pki/ca.crt \
    --cluster-signing-cert-file=pki/ca.crt --cluster-signing-key-file=pki/ca.key --allocate-node-cidrs=false \
    --flex-volume-plugin-dir="$folder/var/plugins"
  file=pki/kube-scheduler.kubeconfig
  run kube-scheduler --kubeconfig=$file --authentication-kubeconfig=$file --authorization-kubeconfig=$file "${rates[@]}"
}

api_ready() {
  curl -sf -m 5 --cacert pki/ca.crt --cert pki/admin.crt --key pki/admin.key "$api/readyz" >/dev/null
}

own_paths
own_settings
network
run containerd -c "$folder/containerd.toml"
[ "$index" != 1 ] || api_server
until api_ready; do sleep 0.1; done
[ "$index" != 1 ] || controllers
run kubelet --config="$folder/kubelet.yaml" --kubeconfig="pki/n$index.kubeconfig" --hostname-override="n$index" \
  --node-ip="$address" --root-dir=/var/lib/kubelet
run kube-proxy --config="$folder/kube-proxy.yaml"
while :; do sleep 3600 & wait $!; done
