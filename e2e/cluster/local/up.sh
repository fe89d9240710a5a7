#!/usr/bin/env bash
# The cluster $NAME of CLUSTER=local: see ../README.md for how it is made. ../up.sh calls it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../names.sh"
source "$here/local/certificates.sh"
source "$here/local/configuration.sh"
controllers=(cpu cpuacct cpuset memory devices freezer blkio pids systemd)
started="$(date +%s%N)"
since() { awk -v ns="$(($(date +%s%N) - started))" 'BEGIN { printf "%.1f s", ns / 1e9 }'; }

require() {
  local program missing=()
  [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] || fail "CLUSTER=local needs root on Linux; CLUSTER=kind needs a Docker engine"
  [ -d /sys/fs/cgroup/memory ] || fail "CLUSTER=local knows cgroup v1 only, and this machine has v2: use CLUSTER=kind"
  for program in containerd ctr runc iptables nft conntrack ip unshare openssl curl sysctl; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [ -x /usr/lib/cni/bridge ] || missing+=(/usr/lib/cni/bridge)
  [ ${#missing[@]} = 0 ] || fail "CLUSTER=local lacks ${missing[*]}: run tools/setup/node.sh, or install them"
  modprobe -qa overlay br_netfilter nf_tables 2>/dev/null || true # built in, or loaded already
}

kube() { "$bin/kubectl" --kubeconfig "$work/kubeconfig" --request-timeout=5s "$@"; }

# Whether all of it runs: the nodes' processes, the API server, and every node Ready.
is_up() {
  local index
  read_params || return 1
  for index in $(seq "$nodes"); do node_init "$work/n$index" >/dev/null || return 1; done
  # Patient: a busy machine's cluster must not be taken for a dead one and ended.
  [ -e "$work/complete" ] && kube --request-timeout=60s wait --for=condition=Ready node --all --timeout=60s >/dev/null 2>&1
}

# The lowest number that no cluster has, here or on the machine's interfaces: it decides the three networks.
take_slot() {
  local other
  exec 7<"$clusters"
  flock 7
  for slot in $(seq 0 15); do
    net="172.31.$((64 + slot))"
    ! ip -4 -o addr show | grep -qF " $net." || continue
    for other in "$clusters"/*/params; do
      if [ -s "$other" ] && [ "$(cut -d' ' -f1 "$other")" = "$slot" ]; then continue 2; fi
    done
    mkdir -p "$work"
    echo "$slot $nodes" >"$work/params"
    exec 7>&-
    return
  done
  fail "sixteen clusters are there already: end one with make cluster-down NAME=…"
}

bridge() {
  ip link add "$NAME-br" type bridge
  ip addr add "$net.1/24" dev "$NAME-br"
  ip link set "$NAME-br" up
  ip route add "$services.0.0/16" via "$net.2" # tests on the machine itself may call Services and pods
}

# cgroupRoot must be there in every controller, or kubelet ends: "cgroup has some missing paths".
control_groups() {
  local controller folder
  for controller in "${controllers[@]}"; do
    folder="/sys/fs/cgroup/$controller/$NAME-n$1"
    mkdir -p "$folder"
    [ "$controller" = cpuset ] || continue
    cat /sys/fs/cgroup/cpuset/cpuset.cpus >"$folder/cpuset.cpus"
    cat /sys/fs/cgroup/cpuset/cpuset.mems >"$folder/cpuset.mems"
  done
}

start_node() { # INDEX
  local index="$1" folder="$work/n$1" pid
  mkdir -p "$folder"/{log,cni,var/lib,var/log}
  (cd "$work/pki" && node_certificate "$index")
  control_groups "$index"
  containerd_configuration "$index" "$folder"
  kubelet_configuration "$index" "$folder"
  kube_proxy_configuration "$index" "$folder"
  setsid unshare --mount --propagation private --pid --net --fork --kill-child \
    bash "$here/local/node.sh" "$index" "$nodes" "$bin" "$net" "$pods" "$services" "$work" "--node=$folder" \
    >"$folder/log/node.log" 2>&1 </dev/null 8>&- &
  until pid="$(node_init "$folder")"; do sleep 0.02; done
  echo "$pid" >"$folder/init.pid"
  ip link add "$NAME-n$index" type veth peer name eth0 netns "$pid"
  ip link set "$NAME-n$index" master "$NAME-br" up
  ip route add "$pods.$index.0/24" via "$net.$((1 + index))"
}

# Waits for COMMAND; ends with the logs' names when a node is gone or a minute has passed.
await() { # WHAT COMMAND…
  local what="$1" index deadline=$((SECONDS + 60))
  shift
  until "$@" >/dev/null 2>&1; do
    for index in $(seq "$nodes"); do
      node_init "$work/n$index" >/dev/null || fail "node n$index ended while waiting for $what: see $work/n$index/log/"
    done
    [ $SECONDS -lt $deadline ] || fail "no $what within a minute: see $work/n*/log/"
    sleep 0.1
  done
}

registered() { [ "$(kube get nodes -o name | wc -l)" = "$nodes" ]; }

require
bin="$("$here/build.sh" all)"
hold_cluster
if is_up; then
  say "cluster $NAME is up already"
  echo "$work/kubeconfig"
  exit
fi
[ ! -e "$work" ] || { say "what is left of a former cluster $NAME goes first"; "$here/local/down.sh" --held; }
nodes="${NODES:-1}"
[[ "$nodes" =~ ^[1-9]$ ]] || fail "NODES=$nodes: 1 to 9"
archives="$("$here/../../tools/images/images.sh" pause coredns 8>&-)"
mapfile -t archives <<<"$archives"
started="$(date +%s%N)"
take_slot
read_params
mkdir -p "$work"/{pki,etcd}
(cd "$work/pki" && control_plane_certificates && kubeconfig admin "$work/kubeconfig")
bridge
for index in $(seq "$nodes"); do start_node "$index"; done
"$here/load.sh" "${archives[@]}" >"$work/images.log" 2>&1 8>&- &
loading=$!
await 'API server' kube get --raw /readyz
say "API server answers after $(since)"
sed "s/SERVICES/$services/" "$here/local/dns.yaml" | kube apply -f - >/dev/null
await 'registered nodes' registered
await 'Ready nodes' kube wait --for=condition=Ready node --all --timeout=1s
await 'default ServiceAccount' kube get serviceaccount default
wait "$loading" || fail "images could not be imported: see $work/images.log"
await 'DNS' kube -n kube-system rollout status deployment/coredns --timeout=1s
touch "$work/complete"
say "cluster $NAME is up after $(since): $nodes node(s), pods $pods.0.0/16, Services $services.0.0/16"
echo "$work/kubeconfig"
