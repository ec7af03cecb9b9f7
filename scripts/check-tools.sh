#!/usr/bin/env bash
# Says in one line which build tool is missing and how to get it; silent when all are there.
set -euo pipefail

die() {
  echo "$1" >&2
  exit 1
}

# at_least HAVE WANT: is the dotted version HAVE no older than WANT?
at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

rust_help='install Rust with: apt-get install rustup && rustup toolchain install 1.95 && rustup default 1.95'
node_help='install Node.js with: nvm install 22 (or, on Debian 13: apt-get install nodejs npm)'

command -v cc >/dev/null || die 'cc is missing; install it with: apt-get install build-essential'
command -v make >/dev/null || die 'make is missing; install it with: apt-get install build-essential'

for tool in cargo rustc; do
  command -v "$tool" >/dev/null || die "$tool is missing; $rust_help"
done
rust=$(rustc --version | awk '{ print $2 }')
at_least "${rust%%-*}" 1.95.0 || die "rustc 1.95 or newer is needed, found $rust; $rust_help"

command -v node >/dev/null || die "node is missing; $node_help"
node=$(node --version)
at_least "${node#v}" 20.19.0 || die "node 20.19 or newer is needed, found $node; $node_help"
command -v npm >/dev/null || die "npm is missing; $node_help"
