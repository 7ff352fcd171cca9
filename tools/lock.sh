#!/bin/sh
# Resolve pyproject.toml into the two lock files; the runtime lock keeps to the versions of the development one.
set -eu
uv="$1"
options="--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet"
$uv pip compile $options pyproject.toml --group dev --output-file requirements-dev.lock ${2:+--constraints "$2"}
$uv pip compile $options pyproject.toml --group build --constraints requirements-dev.lock --output-file requirements.lock
