# Sourced by up.sh: the files that node INDEX's containerd, CNI, kubelet and kube-proxy read. $1 is the index, $2 the node's folder.
# A reason beside a setting says what was seen without it.

containerd_configuration() {
  cat >"$2/containerd.toml" <<Y
version = 2
root = "$2/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
  address = "$2/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$2/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  # no pod starts without it where lowering a process's OOM score is forbidden: "can't get final child's PID from pipe: EOF"
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      BinaryName = "$(command -v runc)"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$2/cni"
Y
  cat >"$2/cni/10-net.conflist" <<Y
{"cniVersion": "0.4.0", "name": "articdbm", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$pods.$1.0/24"}]],
            "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "$2/var/ipam"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
Y
}

kubelet_configuration() {
  echo "nameserver $services.0.10" >"$2/resolv.conf"
  cat >"$2/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
# "kubelet is configured to not run on a host using cgroup v1"
failCgroupV1: false
cgroupDriver: cgroupfs
# of this node alone: two nodes of a machine would share /kubepods
cgroupRoot: /$NAME-n$1
containerRuntimeEndpoint: unix://$2/containerd.sock
# lowering the own score may be forbidden: an error logged at each start
oomScoreAdj: 0
enforceNodeAllocatable: [pods]
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $work/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $work/pki/n$1.crt
tlsPrivateKeyFile: $work/pki/n$1.key
clusterDNS: [$services.0.10]
clusterDomain: cluster.local
resolvConf: $2/resolv.conf
# else one appears under /usr/libexec
volumePluginDir: $2/var/plugins
# the images came by hand: nobody could bring a collected one again
imageMaximumGCAge: 0s
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 200Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
# a changed Secret reaches its volume in seconds and not in a minute
syncFrequency: 5s
Y
}

kube_proxy_configuration() {
  cat >"$2/kube-proxy.yaml" <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: $pods.0.0/16
hostnameOverride: n$1
clientConnection: {kubeconfig: $work/pki/kube-proxy.kubeconfig}
# else it wants to raise the whole machine's nf_conntrack_max and ends: "permission denied"
conntrack: {maxPerCore: 0, min: 0}
Y
}
