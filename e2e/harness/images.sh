#!/usr/bin/env bash
# Builds the images that stories and the quick start run, and puts them into the cluster $NAME under the names by which the
# chart and the quick start call them. A local node reaches no registry: there the servers of e2e/images stand in for the
# public postgres and redis. A kind cluster pulls these two by itself.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../cluster/names.sh"
root="$(cd "$here/../.." && pwd)"
[ "${CLUSTER:-}" != existing ] || fail "CLUSTER=existing: push the images to a registry that the cluster pulls from (docs/quick-start.md)"
version="$(sed -n "s/^appVersion: *['\"]\?\([^'\"]*\)['\"]\?$/\1/p" "$root/charts/articdbm/Chart.yaml")"

names=(
  "localhost/articdbm-operator:dev docker.io/articdbm/operator:$version"
  "localhost/articdbm-proxy:dev docker.io/articdbm/proxy:$version"
)
if ! read_params; then
  "$root/tools/images/images.sh" operator proxy >/dev/null
  for pair in "${names[@]}"; do
    read -r built called <<<"$pair"
    docker tag "$built" "$called"
    "$("$here/build.sh" kind)" load docker-image --name "$NAME" "$called" >&2
  done
  exit
fi

"$root/tools/images/images.sh" --load operator proxy postgres redis >/dev/null
names+=(
  "localhost/postgres:15 docker.io/library/postgres:18"
  "localhost/redis:7 docker.io/library/redis:8.0"
)
for index in $(seq "$nodes"); do
  for pair in "${names[@]}"; do
    read -r built called <<<"$pair"
    ctr -a "$work/n$index/containerd.sock" -n k8s.io images tag --force "$built" "$called" >/dev/null
  done
done
