#!/usr/bin/env bash
# Puts images into the running cluster $NAME.     load.sh IMAGE.tar…     (OCI archives, as `make images` makes them)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/names.sh"
if [ "${CLUSTER:-}" = existing ]; then
  fail "CLUSTER=existing: push the images to a registry that the cluster pulls from; nothing can be loaded into its nodes from here"
fi
if ! read_params; then
  [ -e "$work/kubeconfig" ] || fail "there is no cluster $NAME: make cluster NAME=$NAME"
  for archive in "$@"; do "$("$here/build.sh" kind)" load image-archive --name "$NAME" "$archive"; done
  exit
fi
for index in $(seq "$nodes"); do
  import=(ctr -a "$work/n$index/containerd.sock" -n k8s.io)
  for tries in $(seq 200); do ! "${import[@]}" version >/dev/null 2>&1 || break; sleep 0.05; done
  for archive in "$@"; do "${import[@]}" images import "$archive"; done
done
