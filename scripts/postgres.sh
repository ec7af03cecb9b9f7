#!/usr/bin/env bash
# A private PostgreSQL for tests and measurements, reached by a Unix socket only:
#   scripts/postgres.sh start   starts it (installs and initialises it first, if need be) and prints its address
#   scripts/postgres.sh url     prints the address
#   scripts/postgres.sh env     prints "export BANGBAN_TEST_POSTGRES_URL=...", for eval; starts it if need be
#   scripts/postgres.sh halt    stops it in order and keeps its folder, so that it can be started again
#   scripts/postgres.sh stop    stops it and removes its folder
# Its folder is BANGBAN_POSTGRES_DIR, by default /tmp/bangban-postgres-USERID.
set -euo pipefail

dir=${BANGBAN_POSTGRES_DIR:-/tmp/bangban-postgres-$(id -u)}
data=$dir/data

die() {
  echo "$1" >&2
  exit 1
}

binaries() {
  local found
  found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  if [ -z "$found" ] && command -v pg_ctl >/dev/null; then found=$(dirname "$(command -v pg_ctl)"); fi
  [ -n "$found" ] && [ -x "$found/initdb" ] && echo "$found"
}

install_server() {
  local help='PostgreSQL is missing; install it with: apt-get install postgresql'
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || die "$help"
  # The package would start a cluster of its own.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  { apt-get install -y --no-install-recommends postgresql ||
    { apt-get update && apt-get install -y --no-install-recommends postgresql; }; } >&2 || die "$help"
}

# The server refuses to run as root.
as_owner() {
  if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# A server that was killed leaves its file behind, and in a container without an init perhaps a zombie, which pg_ctl
# takes for a running server.
is_running() {
  local pid
  [ -e "$data/postmaster.pid" ] || return 1
  pid=$(head -n 1 "$data/postmaster.pid")
  if awk '/^State:/ { found = $2 != "Z" } END { exit !found }' "/proc/$pid/status" 2>/dev/null; then return 0; fi
  rm -f "$data/postmaster.pid" "$dir"/.s.PGSQL.*.lock
  return 1
}

start() {
  if ! is_running; then
    if [ ! -e "$data/PG_VERSION" ]; then
      mkdir -p "$dir"
      chmod 700 "$dir"
      [ "$(id -u)" -ne 0 ] || chown postgres "$dir"
      as_owner "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C >"$dir.log" 2>&1 ||
        die "initdb failed: see $dir.log"
      # The folder is closed to others, so nobody else reaches the socket.
      cat >>"$data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 200
max_wal_size = '2GB'
CONF
    fi
    # From where the owner may be; the caller's folder may be closed to it.
    (cd "$dir" && as_owner "$bin/pg_ctl" -D "$data" -l "$data/log" -w -t 60 start) >>"$dir.log" 2>&1 ||
      die "PostgreSQL does not start: see $data/log"
  fi
}

stop() {
  if is_running; then
    (cd "$dir" && as_owner "$bin/pg_ctl" -D "$data" -m immediate -w stop) >>"$dir.log" 2>&1 || die "cannot stop: see $dir.log"
  fi
  rm -rf "$dir" "$dir.log" "$dir.lock"
}

halt() {
  (cd "$dir" && as_owner "$bin/pg_ctl" -D "$data" -m fast -w stop) >>"$dir.log" 2>&1 || die "cannot stop: see $dir.log"
}

url() {
  echo "postgres://postgres@localhost/postgres?host=$dir"
}

bin=$(binaries) || {
  [ "${1:-}" = start ] || [ "${1:-}" = env ] || die 'PostgreSQL is missing; install it with: apt-get install postgresql'
  install_server
  bin=$(binaries) || die 'PostgreSQL was installed, but initdb is not in /usr/lib/postgresql/*/bin'
}

# Two callers at once must not both initialise.
exec 9>"$dir.lock"
flock 9
case ${1:-} in
  # The server would inherit the lock.
  start) start 9>&- && url ;;
  env) start 9>&- && echo "export BANGBAN_TEST_POSTGRES_URL='$(url)'" ;;
  url) url ;;
  halt) halt ;;
  stop) stop ;;
  *) die 'usage: scripts/postgres.sh start|url|env|halt|stop' ;;
esac
