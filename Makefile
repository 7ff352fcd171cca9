PYTHON ?= python3
VENV := .venv/bin
ROUNDS ?= 100
SECONDS ?= 600
ARGS ?=

.PHONY: help run test check bench conformance soak fuzz mutate lock env env-dev

help:  ## what can be asked for
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: env  ## the hub and its local stack, with a day in the region played; Ctrl-C stops all of it (ARGS="--data DIR ...")
	@exec $(VENV)/hub up --demo $(ARGS)

test: env-dev  ## everything, against the real stack (ARGS="-k word" for some)
ifeq ($(strip $(ARGS)),)
	$(VENV)/python -m pytest -n 2 tests/unit tests/conformance tests/fuzz tests/mutation tests/faults/test_checker.py tests/test_shape.py
	$(VENV)/python -m pytest -n 3 --dist loadfile tests/contracts tests/flows  # they wait for servers half of the time; a stack of its own for each of the three
	$(VENV)/python -m pytest tests --ignore tests/unit --ignore tests/conformance --ignore tests/fuzz --ignore tests/mutation --ignore tests/faults/test_checker.py --ignore tests/test_shape.py --ignore tests/contracts --ignore tests/flows
else
	$(VENV)/python -m pytest $(ARGS)
endif

check: env-dev  ## lint, types and architecture, without running anything
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports

bench: env-dev  ## the measurements in the README, as JSON lines
	@$(VENV)/python -m bench $(ARGS)

conformance: env-dev  ## how far the translation is as the standard says: the guide's rows, and agreement with other converters (ARGS=--write: into docs)
	@$(VENV)/python -m tests.conformance.report $(ARGS)

soak: env-dev  ## fault rounds beyond the eleven of make test: make soak ROUNDS=n
	HUB_FAULT_ROUNDS=$(ROUNDS) $(VENV)/python -m pytest tests/faults --timeout=0 $(ARGS)

fuzz: .venv-fuzz/made  ## every reader under atheris, in an environment of its own: make fuzz SECONDS=3600 (ARGS="er7 json" for some)
	.venv-fuzz/bin/python -m tests.fuzz.run --seconds $(SECONDS) $(ARGS)

.venv-fuzz/made: requirements.lock tests/fuzz/requirements.lock
	$(PYTHON) -m venv --clear .venv-fuzz
	.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock -r tests/fuzz/requirements.lock
	touch $@

mutate: .venv-mutate/made  ## every small change to consent, routing and the pipeline must be noticed by a test: make mutate (ARGS="hub/routing" for a part)
	.venv-mutate/bin/python -m tests.mutation.run $(ARGS)

.venv-mutate/made: requirements.lock tests/mutation/requirements.lock
	$(PYTHON) -m venv --clear .venv-mutate
	.venv-mutate/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	.venv-mutate/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r tests/mutation/requirements.lock
	touch $@

lock: env-dev  ## resolve the dependencies anew into the lock files
	$(VENV)/python -m pip install --quiet --disable-pip-version-check uv
	sh tools/lock.sh $(VENV)/uv

env:
	@$(PYTHON) tools/bootstrap.py

env-dev:
	@$(PYTHON) tools/bootstrap.py --dev
