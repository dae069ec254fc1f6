#!/usr/bin/env bash
# compare.sh [--quick] [--write]: what a message costs the gateway, plain and secured, and what it costs Apache CXF, in one run on
# this machine. The last line is one JSON object: microseconds of processor time a message, of the serving process alone, and
# throughputs as NAME_rps. With --write, docs/performance.md and its chart are made of it.
#
# Under 10 minutes, with --quick under 4, after what is built. Needs Java, Maven and openssl for CXF.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --release --workspace --bin nuncio --bin load >&2
tests/peers/cxf/build >/dev/null
target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
NUNCIO_BIN=$target/release/nuncio exec "$target/release/load" compare --folder "$target/load" "$@"
