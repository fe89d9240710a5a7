# Sourced by the scripts beside it: what the cluster $NAME is called and where it lives. Defines, and does nothing.
NAME="${NAME:-articdbm}"
PATH="$PATH:/usr/sbin:/sbin" # where a user's own PATH lacks them
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# Outside the checkout, short (socket paths end at 107 bytes), on a disk that can carry overlayfs.
clusters="${ARTICDBM_CLUSTERS:-${XDG_STATE_HOME:-$HOME/.local/state}/articdbm/clusters}"
work="$clusters/$NAME"

say() { echo "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# Names of interfaces end at 15 bytes, and NAME-n9 and NAME-br must fit.
[[ "$NAME" =~ ^[a-z][a-z0-9]{0,9}$ ]] || fail "NAME=$NAME: a cluster's name is one to ten of a-z and 0-9, a letter first"
case "$work/" in
  /var/lib/* | /var/log/* | /run/* | /proc/* | /sys/*)
    fail "$work: a node has its own /var/lib, /var/log and /run; set ARTICDBM_CLUSTERS to a folder elsewhere" ;;
esac
[ ${#work} -le 70 ] || fail "$work is too long for the sockets in it; set ARTICDBM_CLUSTERS to a shorter path"

# What is in $work/params. A cluster without one never got to make anything outside $work.
slot=-1 nodes=0
read_params() {
  [ -s "$work/params" ] && read -r slot nodes <"$work/params" || return 1
  net="172.31.$((64 + slot))" pods="10.$((200 + 2 * slot))" services="10.$((201 + 2 * slot))"
}

# One at a time may start or end cluster $NAME. Whoever is started from here must close 8, or would hold the lock.
# down.sh removes the file while it holds it: who waited for that one tries again with the one that is there now.
hold_cluster() {
  local lock="$clusters/.$NAME.lock"
  until [ "$lock" -ef /proc/self/fd/8 ]; do
    mkdir -p "$clusters"
    exec 8>"$lock" || continue
    flock 8
  done
}

forget_lock() { # what is up.sh's to go on with keeps it
  rm -f "$clusters/.$NAME.lock"
  rmdir "$clusters" 2>/dev/null || true
}

# Host pids of what runs node FOLDER: its `unshare` and its pid 1, told by their own argument --node=FOLDER and by nothing less.
node_processes() {
  grep -slxzF -f - /proc/[0-9]*/cmdline <<<"--node=$1" | cut -d/ -f3 || true # by stdin, or grep would find itself
}

# Host pid of node FOLDER's pid 1: the one whose pid in its own namespace is 1.
node_init() {
  local pid
  for pid in $(node_processes "$1"); do
    if grep -qsE '^NSpid:\s+[0-9]+\s+1$' "/proc/$pid/status"; then echo "$pid" && return; fi
  done
  return 1
}
