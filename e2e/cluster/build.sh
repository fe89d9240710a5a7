#!/usr/bin/env bash
# Compiles a cluster's programs from Go modules into a cache outside the checkout, and prints where they are.
#   build.sh api       etcd and kube-apiserver: what integration tests need (5 minutes cold on 2 cores; at once when cached)
#   build.sh all       the rest too: kube-controller-manager, kube-scheduler, kubelet, kube-proxy, kubectl (2 minutes more)
#   build.sh where     only prints the folder of these
#   build.sh coredns | pause | helm | kind       builds that one program and prints its path
# The cache's key is the digest of what the program is built from: another version is another folder.
set -euo pipefail

want="${1:-api}"
here="$(cd "$(dirname "$0")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/articdbm/cluster"
export CGO_ENABLED=0

digest() { cat "$@" | sha256sum | cut -c1-12; }

# Two builds at once would only take each other's processor.
hold() { mkdir -p "$1" && exec 9>"$1/.lock" && flock 9; }

build() { # MODULE-FOLDER PACKAGE PROGRAM VERSION LDFLAGS
  local program="$3" started=$SECONDS
  [ -x "$program" ] && return
  command -v go >/dev/null || { echo "Go is needed to build $(basename "$program"): install Go 1.26 or newer" >&2; exit 1; }
  echo "building $(basename "$program") $4 from its Go module, once on this machine" >&2
  (cd "$1" && go build -mod=readonly -buildvcs=false -trimpath -ldflags "-s -w $5" -o "$program.part" "$2" >&2)
  mv "$program.part" "$program" # only what is whole ever bears the name
  echo "built $(basename "$program") in $((SECONDS - started)) s" >&2
}

# MODULE-FOLDER NAME MODULE PACKAGE: one program from a module folder of its own
single() {
  local folder="$here/$1" name="$2" version bin
  version="$(sed -n "s#.*$3 v\([0-9.]*\)\$#\1#p" "$folder/go.mod" | head -1)"
  bin="$cache/$name-${version:-0}-$(digest "$folder"/*.*)"
  hold "$bin"
  build "$folder" "$4" "$bin/$name" "${version:-}" ''
  echo "$bin/$name"
}

kubernetes() {
  local folder="$here/binaries" component=k8s.io/component-base/version version bin stamp names=(kube-apiserver)
  version="$(sed -n 's#.*k8s.io/kubernetes v\([0-9.]*\)$#\1#p' "$folder/go.mod")"
  bin="$cache/v$version-$(digest "$folder/go.mod" "$folder/go.sum")"
  [ "$want" = where ] && { echo "$bin"; return; }
  hold "$bin"
  stamp="-X $component.gitVersion=v$version -X $component.gitMajor=1 -X $component.gitMinor=$(cut -d. -f2 <<<"$version")"
  stamp="$stamp -X $component.gitTreeState=clean" # without it the server calls itself v0.0.0
  [ "$want" = all ] && names+=(kube-controller-manager kube-scheduler kubelet kube-proxy kubectl)
  build "$folder" go.etcd.io/etcd/server/v3 "$bin/etcd" "$version" "$stamp"
  for name in "${names[@]}"; do build "$folder" "k8s.io/kubernetes/cmd/$name" "$bin/$name" "$version" "$stamp"; done
  echo "$bin"
}

case "$want" in
  api | all | where) kubernetes ;;
  coredns) single dns coredns github.com/coredns/coredns . ;;
  pause) single pause pause - . ;;
  helm) single helm helm helm.sh/helm/v4 helm.sh/helm/v4/cmd/helm ;;
  kind) single kind kind sigs.k8s.io/kind sigs.k8s.io/kind ;;
  *) echo "build.sh api|all|where|coredns|pause|helm|kind" >&2; exit 2 ;;
esac
