#!/usr/bin/env bash
# Servers and clients that tests and benchmarks talk to besides the embedded PostgreSQL: PostgreSQL 15, psql, pgbench, PgBouncer, Redis.
# Installs them when root on Debian; else names what is missing: the suites that need it are skipped by name.
set -uo pipefail

missing=()
[ -x /usr/lib/postgresql/15/bin/postgres ] || missing+=(postgresql-15)
command -v psql >/dev/null || missing+=(postgresql-client-15)
[ -x /usr/lib/postgresql/15/bin/pgbench ] || command -v pgbench >/dev/null || missing+=(postgresql-15)
[ -x /usr/sbin/pgbouncer ] || command -v pgbouncer >/dev/null || missing+=(pgbouncer)
command -v openssl >/dev/null || missing+=(openssl)
command -v redis-server >/dev/null || missing+=(redis-server)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "not installed, so their suites are skipped: ${missing[*]} (run as root on Debian, or install these packages)"
  exit 0
fi

# Debian's package would start a server of its own on 5432: tests start theirs, so ask it not to.
conf=/etc/postgresql-common/createcluster.d
created=0
if [ ! -e "$conf/articdbm-tests.conf" ]; then
  mkdir -p "$conf" && echo 'create_main_cluster = false' >"$conf/articdbm-tests.conf" && created=1
fi
export DEBIAN_FRONTEND=noninteractive
log="$(mktemp)"
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1
result=$?
[ $created = 1 ] && rm -f "$conf/articdbm-tests.conf"
if [ $result != 0 ]; then
  echo "apt-get could not install ${missing[*]}:"
  tail -5 "$log"
fi
rm -f "$log"
exit 0
