#!/usr/bin/env bash
# `make bench-instructions`: instructions for a message on its whole way and for a decision of the router, counted by
# callgrind. The same program does few rounds and many; the difference is divided by the rounds between, so that starting
# and filling do not count. Instructions hardly depend on what else the machine does; the kernel's are not counted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v valgrind >/dev/null || { echo 'valgrind is missing; install it with: apt-get install valgrind' >&2; exit 1; }
export ALLOW_NO_WEB=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# built CRATE BENCH: the path of the program.
built() {
  cargo bench --locked -p "$1" --bench "$2" --no-run --message-format=json |
    grep -o "\"executable\":\"[^\"]*/$2-[^\"]*\"" | tail -n 1 | cut -d'"' -f4
}

# counted PROGRAM ROUNDS: all instructions of a run.
counted() {
  ROUNDS=$2 valgrind --tool=callgrind --callgrind-out-file="$work/out" "$1" >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 1; }
  sed -n 's/^\(summary\|totals\): \([0-9]*\).*/\2/p' "$work/out" | head -n 1
}

# report NAME CRATE BENCH FEW MANY STEPS: a round has STEPS steps.
report() {
  local program few many
  program=$(built "$2" "$3")
  few=$(counted "$program" "$4")
  many=$(counted "$program" "$5")
  printf '%-42s %8d instructions\n' "$1" $(((many - few) / (($5 - $4) * $6)))
}

report 'a decision of the router' bangban-domain routing 1000 11000 3
report 'a message: read, durable, answered, delivered' bangban-server message 20 120 128
