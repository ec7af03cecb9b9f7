#!/usr/bin/env bash
# `make load`: the load program's standard set, each against a server of its own on an empty database; prints a table.
#   scripts/load.sh FOLDER    FOLDER holds the binaries bangban and bangban-load, as Cargo built them
# Smaller or larger by environment: IDLE=4000 CITIZENS=100 AGENTS=50 RATE=500 SECONDS_LONG=15 STORM=2000 SLOW=20 ROWS=100000
# WAITING=2000 EVENTS=100 WATCHERS=20 ENTRIES=10000 ROOMS=10.
# DATABASE=postgres: on the PostgreSQL that BANGBAN_TEST_POSTGRES_URL names (scripts/postgres.sh), else SQLite.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin=${1:?usage: scripts/load.sh FOLDER}
agents=${AGENTS:-50}
# Connections are files, here and in the server.
ulimit -n "$(ulimit -Hn)"

work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
  server=
}
trap 'stop; rm -rf "$work"' EXIT

# Everybody talks faster than people do, at any hour.
export BANGBAN__SERVICE__HOURS=always BANGBAN__LOG__LEVEL=warn
for limit in CITIZEN_BURST CITIZEN_PER_SECOND STAFF_BURST STAFF_PER_SECOND; do
  export "BANGBAN__LIMITS__$limit=1000000"
done
for class in PAGES LOGIN API FILES SOCKETS; do
  export "BANGBAN__LIMITS__ADDRESS__${class}__BURST=0"
done

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# An empty place for the next server's rows.
place() {
  export BANGBAN__DATA__DIR=$work/$1
  mkdir -p "$BANGBAN__DATA__DIR"
  if [ "${DATABASE:-sqlite}" = postgres ]; then
    : "${BANGBAN_TEST_POSTGRES_URL:?run: eval \"\$(scripts/postgres.sh env)\"}"
    local name=bangban_load_$$_${1//-/_}
    psql -q "$BANGBAN_TEST_POSTGRES_URL" -c "CREATE DATABASE $name"
    export BANGBAN__DATA__URL=${BANGBAN_TEST_POSTGRES_URL/\/postgres\?//$name?}
  fi
}

# run NAME LOAD-ARGUMENTS...
run() {
  local name=$1 port
  shift
  place "$name"
  port=$(free_port)
  export BANGBAN__HTTP__LISTEN=127.0.0.1:$port
  local command=("$bin/bangban" serve --demo --load-agents "$agents" --load-capacity "${CAPACITY:-20}")
  if [ "$name" = reconnect-storm ]; then
    # It starts and kills the server itself.
    set -- "$@" --server-command "${command[*]}"
  else
    "${command[@]}" >"$work/$name.out" 2>&1 &
    server=$!
    until grep -q ws:// "$work/$name.out" 2>/dev/null; do
      kill -0 "$server" || { cat "$work/$name.out" >&2; exit 1; }
      sleep 0.1
    done
  fi
  echo "bangban-load $name $*" >&2
  "$bin/bangban-load" "$name" "$@" --url "http://127.0.0.1:$port" --json >>"$work/results" || failed=1
  stop
}

failed=0
echo "load average: $(cut -d ' ' -f 1-3 /proc/loadavg); processors: $(nproc)" >&2
run idle --connections "${IDLE:-4000}"
run chat --citizens "${CITIZENS:-100}" --agents "$agents" --rate "${RATE:-500}" --duration "${SECONDS_LONG:-15}"
run slow-readers --connections "${SLOW:-20}" --agents 20
run overload --citizens "${CITIZENS:-100}" --agents "$agents" --duration "${SECONDS_LONG:-15}"
run import --rows "${ROWS:-100000}" --agents "$agents"
run knowledge --entries "${ENTRIES:-10000}"
run board --agents "$agents" --waiting "${WAITING:-2000}" --events "${EVENTS:-100}" --watchers "${WATCHERS:-20}"
rooms=${ROOMS:-10}
metrics=127.0.0.1:$(free_port)
agents=$rooms CAPACITY=1 BANGBAN__MEDIA__LISTEN=127.0.0.1:0 BANGBAN__HTTP__METRICS_LISTEN=$metrics \
  run windows --rooms "$rooms" --metrics "http://$metrics"
run reconnect-storm --connections "${STORM:-2000}"

node -e '
  const lines = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n");
  for (const { command, ...fields } of lines.map((line) => JSON.parse(line))) {
    console.log(`\n${command}`);
    for (const [name, value] of Object.entries(fields)) {
      const shown = typeof value === "number" && !Number.isInteger(value) ? value.toFixed(value < 10 ? 2 : 0) : value;
      console.log(`  ${name.padEnd(32)} ${String(shown).padStart(12)}`);
    }
  }
' "$work/results"
exit "$failed"
