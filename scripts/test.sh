#!/usr/bin/env bash
# `make test`, and all that CI runs. Every step is timed; its output goes to a log that is shown when it fails.
# A check (formatting, clippy, a build) counts as one; a test step counts what its runner reports, and a test step
# that ran no test counts as failed. The last line is "N passed, N failed"; the exit code is 1 if any failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/bangban-target}
export NO_COLOR=1 CARGO_TERM_COLOR=never CI=${CI:-1}
unset FORCE_COLOR

die() {
  echo "$1" >&2
  exit 1
}

# --- tools --------------------------------------------------------------------------------------------------------

scripts/check-tools.sh
for tool in fmt clippy; do
  cargo "$tool" --version >/dev/null 2>&1 || die "cargo $tool is missing; install it with: rustup component add rustfmt clippy"
done

# Chromium with Chinese glyphs for the browser stories, sqlite3 for their recount of the board; Redis for the bus.
debian_packages=()
command -v chromium >/dev/null || debian_packages+=(chromium)
command -v fc-list >/dev/null && [ -n "$(fc-list :lang=zh-cn)" ] || debian_packages+=(fontconfig fonts-noto-cjk)
command -v sqlite3 >/dev/null || debian_packages+=(sqlite3)
command -v redis-server >/dev/null || debian_packages+=(redis-server)
# A relay, and machines with firewalls in between, for windows where no UDP passes.
command -v turnserver >/dev/null || debian_packages+=(coturn)
command -v ip >/dev/null || debian_packages+=(iproute2)
command -v nft >/dev/null || debian_packages+=(nftables)
command -v openssl >/dev/null || debian_packages+=(openssl)
# For schemathesis and the independent peers, which the tests install into folders of their own.
python3 -c 'import venv, ensurepip' 2>/dev/null || debian_packages+=(python3-venv)
command -v curl >/dev/null || debian_packages+=(curl)
# Telephones that are not ours, for the tests of src/telephony.
command -v sipp >/dev/null || debian_packages+=(sip-tester)
command -v baresip >/dev/null || debian_packages+=(baresip-core)
# The fault suite counts flushes with strace and steps a process's clock with libfaketime, and goes on without them.
wanted_packages=()
command -v strace >/dev/null || wanted_packages+=(strace)
compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || wanted_packages+=(libfaketime)

# install PACKAGE...: fails where that is not allowed.
install() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || return 1
    as_root=(sudo -n)
  fi
  command -v apt-get >/dev/null || return 1
  echo "installing $*"
  # Lists may be missing or old: fetched once.
  { "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=600 update -qq &&
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=600 install -y -qq \
      --no-install-recommends "$@"; } >/dev/null 2>&1
}

if [ ${#debian_packages[@]} -gt 0 ]; then
  install "${debian_packages[@]}" || die "missing for the tests; install with: apt-get install ${debian_packages[*]}"
fi
if [ ${#wanted_packages[@]} -gt 0 ]; then
  install "${wanted_packages[@]}" || echo "without ${wanted_packages[*]} the fault suite tests less"
fi

# --- steps --------------------------------------------------------------------------------------------------------

mkdir -p "$CARGO_TARGET_DIR"
logs=$CARGO_TARGET_DIR/test-logs
rm -rf "$logs"
mkdir -p "$logs"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

passed=0
failed=0

# run_step NAME COUNTER REPORT COMMAND...: COUNTER is "check", or the report kind that count.mjs understands.
# REPORT is the file to count in, or "log" for the step's own output.
run_step() {
  local name=$1 counter=$2 report=$3 began=$SECONDS status=0 p=0 f=0 word=ok log
  shift 3
  log=$logs/${name// /-}.log
  [ "$report" = log ] && report=$log
  # Its own shell, because `set -e` is off inside a function whose status is asked for.
  (set -e; "$@") >"$log" 2>&1 &
  wait $! || status=$?
  if [ "$counter" = check ]; then
    if [ "$status" -eq 0 ]; then p=1; else f=1; fi
  else
    read -r p f < <(node scripts/count.mjs "$counter" "$report" 2>>"$log")
    # A runner that fails without naming a test (it did not compile), or that found none, has failed once.
    if [ "$f" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$p" -eq 0 ]; }; then f=1; fi
  fi
  [ "$f" -eq 0 ] || word=FAIL
  passed=$((passed + p))
  failed=$((failed + f))
  printf '%-4s %4ds %5d passed %3d failed  %s\n' "$word" $((SECONDS - began)) "$p" "$f" "$name"
  if [ "$f" -gt 0 ]; then
    echo "--- $log (last 200 lines)"
    # Indented, so that no runner's own closing line can be taken for ours.
    tail -n 200 "$log" | sed 's/^/    /'
    echo "---"
  fi
}

prettier_check() {
  make -s web-deps
  cd web-agent
  npm run --silent fmt:check
}

loader_size() {
  local size
  size=$(gzip -9 -c web-agent/dist/bangban.js | wc -c)
  echo "bangban.js: $size bytes gzip, limit 2048"
  [ "$size" -le 2048 ] || return 1
  # What a page pays while its citizen lets a clerk see it, and never otherwise.
  size=$(gzip -9 -c web-agent/dist/bangban-browse.js | wc -c)
  echo "bangban-browse.js: $size bytes gzip, limit 40960"
  [ "$size" -le 40960 ]
}

# Is there a fenced example in a doc comment that rustdoc would run? (Opening fence bare or with a Rust word.)
has_doc_tests() {
  find src tests loadtests -name '*.rs' -not -path '*/target/*' -exec awk '
    FNR == 1 { fenced = 0 }
    /^[ \t]*\/\/[\/!][ \t]*```/ {
      if (fenced) { fenced = 0; next }
      fenced = 1
      word = $0; sub(/^[^`]*```/, "", word); gsub(/[ \t\r]/, "", word)
      if (word == "" || word ~ /^(rust|no_run|should_panic|compile_fail|edition)/) { print FILENAME; exit }
    }' {} + 2>/dev/null | grep -q .
}

# The committed types against a fresh export into an empty folder: changed, missing and left-over files all show.
generated_types() {
  local fresh=$work/generated file
  mkdir -p "$fresh"
  TS_RS_EXPORT_DIR=$fresh cargo test --locked --workspace --lib export_bindings
  [ -n "$(find "$fresh" -name '*.ts' -print -quit)" ] || { echo 'nothing was exported'; return 1; }
  diff -ru --exclude='*.json' "$fresh" web-agent/src/generated || { echo 'run: make gen, and commit the result'; return 1; }
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    file=$(git ls-files --others -- web-agent/src/generated)
    [ -z "$file" ] || { echo "not under version control: $file"; return 1; }
  fi
}

unit_web() {
  cd web-agent
  npx vitest run --reporter=default --reporter=json --outputFile.json="$logs/vitest.json"
}

# Against the binary that the Rust tests have just built.
browser_stories() {
  cd web-agent
  BANGBAN_E2E_REPORT=$logs/playwright.json npx playwright test
}

began=$SECONDS
# Store tests run on both databases; a cluster that the caller brings is left alone.
if [ -z "${BANGBAN_TEST_POSTGRES_URL:-}" ]; then
  export BANGBAN_POSTGRES_DIR=$work/postgres
  chmod 711 "$work"
  trap 'scripts/postgres.sh stop; rm -rf "$work"' EXIT
  BANGBAN_TEST_POSTGRES_URL=$(scripts/postgres.sh start) || exit 1
  export BANGBAN_TEST_POSTGRES_URL
fi
run_step 'rustfmt' check log cargo fmt --all --check
run_step 'prettier' check log prettier_check
run_step 'web types and loader' check log make -s web
run_step 'loader size' check log loader_size
run_step 'clippy' check log cargo clippy --workspace --all-targets --locked -- -D warnings

if cargo nextest --version >/dev/null 2>&1; then
  run_step 'rust tests' nextest log cargo nextest run --workspace --locked --no-fail-fast
  if has_doc_tests; then
    run_step 'rust doc tests' cargo log cargo test --workspace --locked --doc --no-fail-fast
  fi
else
  # Runs the doc tests as well.
  run_step 'rust tests' cargo log cargo test --workspace --locked --no-fail-fast -- --skip export_bindings
fi

run_step 'generated types' check log generated_types
run_step 'schemathesis' check log scripts/schemathesis.sh
run_step 'independent peers' check log scripts/peers.sh
run_step 'web unit tests' vitest "$logs/vitest.json" unit_web
run_step 'browser stories' playwright "$logs/playwright.json" browser_stories
# Stories that could not be told here (without root there are no namespaces) are said, not only left out.
grep -h '^\*\*\* SKIPPED' "$logs/browser-stories.log" || true

echo "logs: $logs ($((SECONDS - began)) s)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
