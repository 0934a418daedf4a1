# Everything runs in .venv/, made from requirements.lock. Nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STORE := .store
INSTALLED := $(VENV)/.installed
INDEXED := $(STORE)/.indexed
BROWSER := $(VENV)/.browser
FUZZ := $(VENV)/.fuzz
CHROMIUM ?= /usr/bin/chromium
SERVERS := $(VENV)/.servers
POSTGRES ?= /usr/lib/postgresql/15/bin
QUESTION ?= When do the Russia-China drills run?

# How many tests run at the same time, and which: a module's stay together, so that what they share is made once.
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
PARALLEL := --numprocesses $(WORKERS) --maxprocesses 8 --dist loadscope

.PHONY: ask check test coverage test-browser test-fuzz test-scale test-wheel lint format docs hooks serve lock clean

ask: $(INDEXED)
	@$(BIN)/qa ask "$(QUESTION)" --store $(STORE)

# Lint, types and fast tests side by side: what to run before every commit.
check: $(INSTALLED)
	@BIN="$(BIN)" PARALLEL="$(PARALLEL)" .ci/check

test: $(INSTALLED)
	$(BIN)/python -m pytest $(PARALLEL)

# All tests with the branches that they take: the total, and the ten modules least covered.
coverage: $(INSTALLED)
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=json:$(VENV)/coverage.json --cov-report=
	@PYTHONPATH=tests $(BIN)/python -m reference.coverage $(VENV)/coverage.json

# The wheel in an environment of its own, outside the repository: index, ask and serve.
test-wheel: $(INSTALLED)
	$(BIN)/python -m pytest tests/wheel

# The page in the system's Chromium; pictures of it are kept in .screenshots/.
test-browser: $(BROWSER)
	@tests/browser/have-chromium "$(CHROMIUM)"
	CHROMIUM="$(CHROMIUM)" $(BIN)/python -m pytest tests/browser

$(BROWSER): $(INSTALLED) tests/browser/requirements.txt
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r tests/browser/requirements.txt
	@touch $@

# About 2,700 made-up requests to a real server, the same ones each time: two to three minutes on two cores.
# FUZZ_EXAMPLES=1000 makes more of them.
test-fuzz: $(FUZZ)
	$(BIN)/python -m pytest -s tests/api/fuzz

$(FUZZ): $(INSTALLED) tests/api/fuzz/requirements.txt
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r tests/api/fuzz/requirements.txt
	@touch $@

# Stores in servers: PostgreSQL, a Milvus server and Milvus Lite's, started for the tests and stopped after them; and a
# cluster of Ray's nodes, which index.
test-scale: $(SERVERS)
	@tests/scale/have-postgres "$(POSTGRES)"
	POSTGRES="$(POSTGRES)" PYTHONPATH=tests $(BIN)/python -m scale.servers $(BIN)/python -m pytest \
		tests/index/catalogue/test_copying.py tests/index/store/test_keyring.py tests/scale

$(SERVERS): $(INSTALLED) tests/scale/requirements.txt
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r tests/scale/requirements.txt
	@touch $@

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The pages of docs/ that are written from the code.
docs: $(INSTALLED)
	PYTHONPATH=tests $(BIN)/python -m reference.write

# Has git run the checks of .pre-commit-config.yaml before every commit.
hooks: $(INSTALLED)
	$(BIN)/pre-commit install

serve: $(INDEXED)
	$(BIN)/qa serve --store $(STORE)

# A Debian without python3-venv can still make an environment, and pip can still fill it.
# Every file is compared with its hash, torch's alone excepted (see torch.lock). torch goes alone: asked for beside others,
# pip may pick a build with gigabytes of GPU libraries.
$(INSTALLED): requirements.lock torch.lock pyproject.toml
	$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV); \
		$(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet -r torch.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(INDEXED): $(INSTALLED) $(wildcard seeds/*.txt)
	$(BIN)/qa index seeds --store $(STORE)
	@touch $@

# Pins what is installed now, with the hashes of every file that the index has of a version, for any platform. A CPU build
# of torch is locked by its plain version, so that other builds fit too.
BESIDE := tests/browser/requirements.txt tests/api/fuzz/requirements.txt tests/scale/requirements.txt
HASHED := $(BIN)/uv pip compile --quiet --generate-hashes --no-header --no-annotate
PINS := sed -n 's/^\([^ \#]*==[^ ;]*\).*/\1/p'
NEW := $(VENV)/new.lock

lock: $(INSTALLED)
	{ grep '^\#' torch.lock; $(BIN)/python -m pip freeze --all | sed -n 's/^\(torch==[^+]*\).*/\1/p'; } > $(NEW)
	cp $(NEW) torch.lock
	$(PINS) $(BESIDE) > $(VENV)/beside.txt
	$(BIN)/python -m pip freeze --all --exclude-editable --exclude pip --exclude torch \
		| tr _ - | grep -vixFf $(VENV)/beside.txt | $(HASHED) --no-deps - > $(NEW)
	cp $(NEW) requirements.lock
	set -e; for file in $(BESIDE); do { grep '^\#' $$file; $(HASHED) --no-deps $$file; } > $(NEW); cp $(NEW) $$file; done
	$(PINS) requirements.lock tests/scale/requirements.txt > $(VENV)/pins.txt
	{ grep '^\#' deploy/requirements.txt; printf '%s\n' alembic 'psycopg[binary]' pymilvus \
		| $(HASHED) --constraint $(VENV)/pins.txt -; } > $(NEW)
	cp $(NEW) deploy/requirements.txt

clean:
	rm -rf $(VENV) $(STORE) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* .import_linter_cache .screenshots
