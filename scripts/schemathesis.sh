#!/usr/bin/env bash
# Asks every route of /api/openapi.json for what it says it takes, and for what it says it does not, without a token, with
# a citizen's and with those of staff (an administrator last, who may change what the others rely on): no 5xx, no status or
# body that is not described. A server of its own, with a fresh database; the tool comes into a folder of its own, once,
# from the Python registry.
#   scripts/schemathesis.sh [EXAMPLES]    how many requests are made up for each route and person; default 5
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=4.32.5
examples=${1:-5}
binary=${BANGBAN_BIN:-${CARGO_TARGET_DIR:-$HOME/.cache/bangban-target}/debug/bangban}
tool=${XDG_CACHE_HOME:-$HOME/.cache}/bangban-schemathesis-$version

if [ ! -x "$tool/bin/schemathesis" ]; then
  rm -rf "$tool"
  python3 -m venv "$tool.new"
  "$tool.new/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
  # Complete or not there at all. Its programs name the folder in which they were made.
  sed -i "1s|$tool.new|$tool|" "$tool.new"/bin/*
  mv "$tool.new" "$tool"
fi

work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true
  rm -rf "$work"
}
trap stop EXIT

# More is asked here than one person may; what happens then has tests of its own.
for limit in CITIZEN_BURST CITIZEN_PER_SECOND STAFF_BURST STAFF_PER_SECOND; do
  export "BANGBAN__LIMITS__$limit=1000000"
done
for class in PAGES LOGIN API FILES SOCKETS; do
  export "BANGBAN__LIMITS__ADDRESS__${class}__BURST=0"
done
export BANGBAN__AUTH__WRONG_PER_ADDRESS=1000000
BANGBAN__HTTP__LISTEN=127.0.0.1:0 BANGBAN__DATA__DIR=$work BANGBAN__SERVICE__HOURS=always \
  "$binary" serve --demo >"$work/out" 2>"$work/log" &
server=$!
until grep -q 'ws://' "$work/out" 2>/dev/null; do
  kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
  sleep 0.1
done
base=http://$(sed -n '1s|.*ws://\(.*\)/ws$|\1|p' "$work/out")

# token PATH BODY
token() {
  curl -sSf "$base$1" -d "$2" | sed 's/.*"token":"\([^"]*\)".*/\1/'
}

# What would end the log-in that the other requests are made with, or change the account's password.
ends='^/api/staff/(session|account)'
# run WHO [OPTION...]
run() {
  local who=$1
  shift
  timeout 600 "$tool/bin/schemathesis" --config-file scripts/schemathesis.toml run "$base/api/openapi.json" \
    --max-examples "$examples" --seed 1 --no-color "$@" >"$work/said.$who" 2>&1 || touch "$work/failed"
}
# known WHO PATH BODY [OPTION...]: with a token; whoever gets none is an error, and not another nobody.
known() {
  local who=$1 bearer
  if ! bearer=$(token "$2" "$3" 2>&1); then
    echo "no token: $bearer" >"$work/said.$who"
    touch "$work/failed"
    return
  fi
  run "$who" --header "Authorization: Bearer $bearer" "${@:4}"
}
citizen() {
  known citizen /api/demo/token '{"citizen":"demo-citizen-1"}'
}
staff() {
  known "$1" /api/staff/login "{\"login\":\"$1\",\"password\":\"bangban-demo\"}" --exclude-path-regex "$ends"
}
# together COMMAND...: two at a time keep two processors busy.
together() {
  local one pids=()
  for one in "$@"; do $one & pids+=($!); done
  wait "${pids[@]}"
}
together 'run nobody' citizen
together 'staff agent1001' 'staff super1'
staff auditor1
staff admin1
for who in nobody citizen agent1001 super1 auditor1 admin1; do
  echo "== $who"
  cat "$work/said.$who"
done
failed=0
[ ! -e "$work/failed" ] || failed=1
if ! kill -0 "$server" 2>/dev/null || grep -q '"level":"ERROR"\| ERROR ' "$work/log"; then
  echo "the server's log:" >&2
  tail -n 50 "$work/log" >&2
  failed=1
fi
exit "$failed"
