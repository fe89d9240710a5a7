#!/usr/bin/env bash
# Brings up the cluster $NAME and prints the path of its kubeconfig, alone on the last line. Once it is up: says so and changes nothing.
#   CLUSTER=existing   uses what $KUBECONFIG names, and makes nothing
#   CLUSTER=kind       by kind, where a Docker engine runs
#   CLUSTER=local      control plane and node as plain processes in namespaces of their own; root, Linux with cgroup v1
# Without CLUSTER: kind where a Docker engine runs, else local.     NAME=articdbm NODES=1   (local only: up to 9)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/names.sh"

choose() {
  if [ -n "${CLUSTER:-}" ]; then echo "$CLUSTER"; elif docker info >/dev/null 2>&1; then echo kind; else echo local; fi
}

up_existing() {
  [ -n "${KUBECONFIG:-}" ] || fail "CLUSTER=existing uses the cluster that KUBECONFIG names: set it to a file"
  "$("$here/kubectl.sh")" get nodes >&2 || fail "the cluster of KUBECONFIG=$KUBECONFIG does not answer"
  echo "$KUBECONFIG"
}

up_kind() {
  local kind
  docker info >/dev/null 2>&1 || fail "CLUSTER=kind needs a running Docker engine; CLUSTER=local needs none"
  kind="$("$here/build.sh" kind)"
  hold_cluster
  mkdir -p "$work"
  if ! "$kind" get clusters 2>/dev/null | grep -qx "$NAME"; then
    "$kind" create cluster --name "$NAME" --kubeconfig "$work/kubeconfig" --wait 180s >&2 8>&-
  fi
  "$kind" get kubeconfig --name "$NAME" >"$work/kubeconfig"
  echo "$work/kubeconfig"
}

case "$(choose)" in
  existing) up_existing ;;
  kind) up_kind ;;
  local) exec "$here/local/up.sh" ;;
  *) fail "CLUSTER=$CLUSTER: existing, kind or local" ;;
esac
