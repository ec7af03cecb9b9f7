#!/usr/bin/env bash
# `make dev`: the demo server and vite side by side. Ctrl-C stops both; when one of them ends, the other is stopped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

listen=${BANGBAN__HTTP__LISTEN:-127.0.0.1:8080}

stop() {
  # The jobs' process groups: npm starts vite as its child.
  for job in $(jobs -p); do kill -TERM -- "-$job" 2>/dev/null || true; done
  wait 2>/dev/null || true
}
trap stop EXIT
trap 'exit 0' INT TERM

set -m
BANGBAN__HTTP__LISTEN=$listen BANGBAN__SERVICE__HOURS=${BANGBAN__SERVICE__HOURS:-always} \
  "$CARGO_TARGET_DIR/debug/bangban" serve --demo --history &
(cd web-agent && BANGBAN_DEV_SERVER=$listen exec npm run --silent dev) &
wait -n
