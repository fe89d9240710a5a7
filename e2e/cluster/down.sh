#!/usr/bin/env bash
# Ends the cluster $NAME, whichever way up.sh made it, and leaves nothing of it. An existing cluster ($KUBECONFIG) is never touched.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/names.sh"
if [ "${CLUSTER:-}" = existing ]; then
  say "CLUSTER=existing: nothing was made, nothing is removed"
elif [ "${CLUSTER:-}" = kind ] || { [ -z "${CLUSTER:-}" ] && [ -e "$work" ] && [ ! -e "$work/params" ] && docker info >/dev/null 2>&1; }; then
  hold_cluster
  "$("$here/build.sh" kind)" delete cluster --name "$NAME" >&2
  rm -rf "$work"
  forget_lock
else
  exec "$here/local/down.sh"
fi
