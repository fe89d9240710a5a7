#!/bin/sh
# Copies programs, and the shared libraries they and further files need, to a folder that becomes an image.
#   collect.sh ROOT PATH…     a folder is copied whole; the libraries of what is executable or *.so in it come too
set -eu
root="$1"
shift
for path in "$@"; do
  mkdir -p "$root$(dirname "$path")"
  cp -rL "$path" "$root$path"
done
find "$root" -type f \( -perm /111 -o -name '*.so*' \) -exec ldd {} + 2>/dev/null | grep -o '/[^ :)]*\.so[^ :)]*' | sort -u |
  while read -r library; do
    [ ! -e "$library" ] || [ -e "$root$library" ] || { mkdir -p "$root$(dirname "$library")" && cp -L "$library" "$root$library"; }
  done
mkdir -p "$root/etc" "$root/tmp" "$root/bin"
chmod 1777 "$root/tmp"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
