#!/usr/bin/env bash
# Usage: dev.sh BANGBAN_BINARY. Runs the demo server and Vite together; either one's end ends both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

"$1" serve --demo &
server=$!
(cd web-agent && exec npx vite) &
vite=$!
trap 'kill "$server" "$vite" 2>/dev/null || true' EXIT
wait -n
