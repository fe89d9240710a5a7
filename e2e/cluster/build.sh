#!/usr/bin/env bash
# Compiles a cluster's programs from Go modules into a cache outside the checkout and prints that folder.
#   build.sh api    etcd and kube-apiserver: what integration tests need (5 minutes cold on 2 cores; seconds when cached)
#   build.sh all    the rest too: kube-controller-manager, kube-scheduler, kubelet, kube-proxy, kubectl (2 minutes more)
#   build.sh where  only prints the folder
# The cache's key is the digest of go.mod and go.sum: another version is another folder.
set -euo pipefail

want="${1:-api}"
here="$(cd "$(dirname "$0")" && pwd)/binaries"
version="$(sed -n 's#.*k8s.io/kubernetes v\([0-9.]*\)$#\1#p' "$here/go.mod")"
digest="$(cat "$here/go.mod" "$here/go.sum" | sha256sum | cut -c1-12)"
bin="${XDG_CACHE_HOME:-$HOME/.cache}/articdbm/cluster/v$version-$digest"
case "$want" in
  where) echo "$bin"; exit 0 ;;
  api | all) ;;
  *) echo "build.sh api|all|where" >&2; exit 2 ;;
esac
mkdir -p "$bin"

# Two builds at once would only take each other's processor.
exec 9>"$bin/.lock"
flock 9

cd "$here"
component=k8s.io/component-base/version
minor="$(cut -d. -f2 <<<"$version")"
stamp="-X $component.gitVersion=v$version -X $component.gitMajor=1 -X $component.gitMinor=$minor -X $component.gitTreeState=clean"
export CGO_ENABLED=0

build() {
  local package="$1" name="$2" started=$SECONDS
  [ -x "$bin/$name" ] && return
  echo "building $name $version from its Go module, once on this machine" >&2
  go build -mod=readonly -buildvcs=false -trimpath -ldflags "-s -w $stamp" -o "$bin/$name.part" "$package" >&2
  mv "$bin/$name.part" "$bin/$name" # only what is whole ever bears the name
  echo "built $name in $((SECONDS - started)) s" >&2
}

build go.etcd.io/etcd/server/v3 etcd
build k8s.io/kubernetes/cmd/kube-apiserver kube-apiserver
if [ "$want" = all ]; then
  for name in kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do
    build "k8s.io/kubernetes/cmd/$name" "$name"
  done
fi
echo "$bin"
