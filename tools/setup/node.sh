#!/usr/bin/env bash
# What a local cluster (CLUSTER=local) and images without a Docker engine need from Debian. Installs it when root there;
# else names what is missing and ends with 1. With a Docker engine nothing is needed.
set -uo pipefail
PATH="$PATH:/usr/sbin:/sbin" # where a user's own PATH lacks them
docker info >/dev/null 2>&1 && [ "${CLUSTER:-kind}" != local ] && exit 0

missing=()
needs() { command -v "$1" >/dev/null || missing+=("$2"); } # PROGRAM PACKAGE
needs containerd containerd
needs runc runc
needs iptables iptables
needs nft nftables
needs ipset ipset
needs conntrack conntrack
needs ip iproute2
needs modprobe kmod
needs curl curl
needs openssl openssl
needs buildah buildah
needs debootstrap debootstrap
[ -x /usr/lib/cni/bridge ] || missing+=(containernetworking-plugins)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "a local cluster and its images need: ${missing[*]} (run as root on Debian, or install these; or start a Docker engine)" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  echo "apt-get could not install ${missing[*]}:" >&2
  tail -5 "$log" >&2
  exit 1
fi
