#!/usr/bin/env bash
# Builds the tools of the benchmarks once, and runs a comparison (see README.md): `run.sh --quick`, `run.sh yardstick`.
set -euo pipefail
cd "$(dirname "$0")/.."
env=.venv-bench
scratch=.bench
mkdir -p "$scratch"

command -v gcc >/dev/null || { echo "benchmarks: no gcc, which builds the load generator; install it and try again" >&2; exit 1; }
[ -x .venv/bin/anxun ] || { echo "benchmarks: no .venv yet; start them by: make bench" >&2; exit 1; }

if [ requirements/bench.txt -nt "$env/.ready" ]; then
  echo "setting up $env ..."
  if command -v uv >/dev/null; then
    uv venv --quiet --allow-existing --python .venv/bin/python "$env"
    uv pip install --quiet --python "$env/bin/python" --require-hashes -r requirements/bench.txt
  else
    .venv/bin/python -m venv "$env"
    "$env/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
  fi
  touch "$env/.ready"
fi

if [ benchmarks/rivals/loadgen.c -nt "$scratch/loadgen" ]; then
  gcc -O2 -pthread -o "$scratch/loadgen" benchmarks/rivals/loadgen.c
fi

if [ ! -d "$scratch/photos" ]; then
  echo "making twelve photos ..."
  rm -rf "$scratch/photos.part"
  "$env/bin/python" benchmarks/rivals/gen_jpegs.py "$scratch/photos.part" 12 >/dev/null
  mv "$scratch/photos.part" "$scratch/photos"
fi

module=compare
if [ "${1:-}" = yardstick ]; then
  module=yardstick
  shift
fi
exec .venv-dev/bin/python -m "benchmarks.$module" "$@"
