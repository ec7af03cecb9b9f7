#!/usr/bin/env bash
# Calls by SIP through the whole server (docs/testing.md, "hotline"): starts a release server on an empty database,
# runs `bangban-load hotline` against it, and counts the rows once more by SQL. Needs sipp (package sip-tester) and sqlite3.
#   scripts/hotline.sh FOLDER    FOLDER holds the binaries bangban and bangban-load, as Cargo built them
# Otherwise by environment: CALLS=3200 CALL_RATE=400 CONFERENCES=100 OPERATORS=40.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin=${1:?usage: scripts/hotline.sh FOLDER}
calls=${CALLS:-3200} conferences=${CONFERENCES:-100} operators=${OPERATORS:-40}
ulimit -n "$(ulimit -Hn)"

work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
  server=
}
trap 'stop; rm -rf "$work"' EXIT

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

node -e '
  const passwords = {};
  for (let n = 1; n <= Number(process.argv[1]); n++) passwords[`load-agent-${n}`] = `secret-${n}`;
  require("fs").writeFileSync(process.argv[2], JSON.stringify(passwords));
' "$operators" "$work/phones.json"

sip=127.0.0.1:$(free_port) trunk=127.0.0.1:$(free_port) metrics=127.0.0.1:$(free_port) http=127.0.0.1:$(free_port)
export BANGBAN__SERVICE__HOURS=always BANGBAN__LOG__LEVEL=warn BANGBAN__DATA__DIR=$work
for limit in CITIZEN_BURST CITIZEN_PER_SECOND STAFF_BURST STAFF_PER_SECOND; do
  export "BANGBAN__LIMITS__$limit=1000000"
done
for class in PAGES LOGIN API FILES SOCKETS; do
  export "BANGBAN__LIMITS__ADDRESS__${class}__BURST=0"
done
export BANGBAN__HTTP__LISTEN=$http BANGBAN__HTTP__METRICS_LISTEN=$metrics BANGBAN__CALLS__LISTEN=127.0.0.1
export BANGBAN__TELEPHONY__ENABLED=true BANGBAN__TELEPHONY__LISTEN=$sip BANGBAN__TELEPHONY__NUMBER='"12345"'
export BANGBAN__TELEPHONY__TRUNKS="[{name=\"city\",address=\"$trunk\"}]" BANGBAN__TELEPHONY__PHONES='["127.99.0.0/16"]'
export BANGBAN__TELEPHONY__PHONES_FILE=$work/phones.json

"$bin/bangban" serve --demo --load-agents "$operators" --load-capacity 5 >"$work/out" 2>"$work/log" &
server=$!
until grep -q ws:// "$work/out"; do
  kill -0 "$server" || { cat "$work/out" "$work/log" >&2; exit 1; }
  sleep 0.1
done

failed=0
echo "load average: $(cut -d ' ' -f 1-3 /proc/loadavg); processors: $(nproc)" >&2
"$bin/bangban-load" hotline --url "http://$http" --sip "$sip" --trunk "$trunk" --metrics "$metrics" --phones "$work/phones.json" \
  --calls "$calls" --rate "${CALL_RATE:-400}" --conferences "$conferences" --operators "$operators" || failed=1

# count SQL WANTED
count() {
  local found
  found=$(sqlite3 -readonly "$work/bangban.db" "$1")
  if [ "$found" != "$2" ]; then
    echo "$1: $found, not $2" >&2
    failed=1
  fi
}
all=$((calls + conferences))
count "SELECT COUNT(*) FROM phone_call" "$all"
count "SELECT COUNT(*) FROM phone_call WHERE ended_at IS NULL OR because IS NULL" 0
count "SELECT COUNT(DISTINCT conversation) FROM phone_call" "$all"
count "SELECT COUNT(*) FROM call_leg WHERE part = 'caller'" "$all"
count "SELECT COUNT(*) FROM call_leg WHERE ended_at IS NULL" 0
count "SELECT COUNT(*) FROM call_attempt WHERE cause IS NULL OR ended_at IS NULL" 0
count "SELECT COUNT(*) FROM call_request WHERE result IS NULL" 0
count "SELECT COUNT(*) FROM call_request" "$conferences"
count "SELECT COUNT(*) FROM conversation WHERE channel = 'call' AND stage <> 'closed'" 0
[ "$failed" = 0 ] || tail -20 "$work/log" >&2
exit "$failed"
