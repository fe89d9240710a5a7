#!/usr/bin/env bash
# Prints the path of a kubectl: the one built with the cluster, else what PATH has, else builds.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
built="$("$here/build.sh" where)/kubectl"
if [ -x "$built" ]; then echo "$built"; elif command -v kubectl; then exit 0; else echo "$("$here/build.sh" all)/kubectl"; fi
