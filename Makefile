# Every target makes its own environment: a virtual environment in .venv, and, as root on Debian, the
# system packages it is tested against. `make run` and `make test` work on a fresh checkout.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= auto

.PHONY: run test check format bench gen docs clean system

run: $(VENV)/.installed
	$(BIN)/pylpc examples/config_watcher.c

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(JOBS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m lpc gen --check

bench: $(VENV)/.installed-dev
	$(BIN)/python bench/run.py $(BENCH)

# Headers, stubs and pages that are made from the tables.
gen docs: $(VENV)/.installed-dev
	$(BIN)/python -m lpc gen

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

# What the distribution has to provide: venv (split from Python on Debian), and programs that the sockets are
# tested against; where one is missing its tests are skipped.
system:
	@set -e; missing=""; \
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	for tool in openssl:openssl ncat:ncat socat:socat zstd:zstd pigz:pigz curl:curl chromium:chromium wrk:wrk h2load:nghttp2-client \
	    coap-client-notls:libcoap3-bin mosquitto:mosquitto \
	    mosquitto_pub:mosquitto-clients; do \
	    command -v $${tool%%:*} >/dev/null || missing="$$missing $${tool##*:}"; \
	done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	elif [ -n "$$missing" ]; then \
	    echo "note: not installed on this system:$$missing"; \
	fi

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "pylpc needs Python 3.11 or newer; say: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) --no-print-directory system
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	@$(MAKE) --no-print-directory system
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all,dev]'
	@touch $@ $(VENV)/.installed
