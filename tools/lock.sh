#!/bin/sh
# Resolve pyproject.toml into the lock files; the runtime keeps to the versions of the development one. What make mutate needs has a file of
# its own, installed over the runtime's: mutmut wants a later click than faust does.
set -eu
uv="$1"
options="--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet"
$uv pip compile $options pyproject.toml --group dev --output-file requirements-dev.lock ${2:+--constraints "$2"}
$uv pip compile $options pyproject.toml --group build --constraints requirements-dev.lock --output-file requirements.lock
$uv pip compile $options --group mutation --output-file tests/mutation/requirements.lock
