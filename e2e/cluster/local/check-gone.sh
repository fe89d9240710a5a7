#!/usr/bin/env bash
# Says what the cluster $NAME has left on the machine, and ends with 1 if there is anything.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../names.sh"
left=()

for index in $(seq 9); do
  for pid in $(node_processes "$work/n$index"); do left+=("process $pid of n$index"); done
  for folder in /sys/fs/cgroup/*/"$NAME-n$index"; do [ ! -d "$folder" ] || left+=("control group $folder"); done
done
for interface in /sys/class/net/"$NAME"-{br,n[1-9]}; do [ ! -e "$interface" ] || left+=("interface $(basename "$interface")"); done
while read -r mount; do left+=("mount $mount"); done < <(awk -v at="$work/" 'index($2 "/", at) == 1 { print $2 }' /proc/mounts)
while read -r route; do left+=("route $route"); done < <(ip route | grep -F " dev $NAME-")
[ ! -e "$work" ] || left+=("folder $work")

[ ${#left[@]} = 0 ] && exit 0
printf 'left by cluster %s: %s\n' "$NAME" "${left[@]/#/}" >&2
exit 1
