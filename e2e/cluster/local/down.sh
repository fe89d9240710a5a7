#!/usr/bin/env bash
# Ends the cluster $NAME of CLUSTER=local, whole or half-dead, and removes what it made. ../down.sh calls it. --held: the caller has the lock.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../names.sh"
[ "${1:-}" = --held ] || hold_cluster
read_params || true

# Ending a node's pid 1 makes the kernel end all that is in its pid namespace; mounts, rules and interfaces go with the namespaces.
end_node() { # FOLDER
  local pid tries
  for pid in $(node_processes "$1"); do kill -9 "$pid" 2>/dev/null; done
  for tries in $(seq 200); do
    [ -n "$(node_processes "$1")" ] || return 0
    sleep 0.05
  done
  say "node processes are left: $(node_processes "$1")"
}

remove_control_groups() { # NODE
  local folder tries
  for folder in /sys/fs/cgroup/*/"$NAME-$1"; do
    for tries in $(seq 60); do
      [ -d "$folder" ] || break
      find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null && break
      sleep 0.05
    done
  done
}

remove_interface() {
  local tries
  for tries in $(seq 40); do # the namespace's end takes a veth with it, some time later
    [ -d "/sys/class/net/$1" ] || return 0
    ip link del "$1" 2>/dev/null && return 0
    sleep 0.05
  done
}

for index in $(seq "$nodes"); do end_node "$work/n$index"; done
for index in $(seq "$nodes"); do
  remove_control_groups "n$index"
  remove_interface "$NAME-n$index"
done
remove_interface "$NAME-br" # and the routes through it
rm -rf "$work"
[ "${1:-}" = --held ] || forget_lock
exec "$here/local/check-gone.sh"
