# make demo: install and run the demo.  make test: install everything that the tests need, check and test.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= demo-report
TASKS  ?= 200000
WHOLE  := $(addprefix tests/,browser chart cli demo docs drafting engine focus ledger report schemas)

.PHONY: demo test lint unit whole cluster deep bench lock docs site pictures dashboards system clean

demo: $(VENV)/.runtime  ## a report of an embedded task database
	$(BIN)/gpucost demo --tasks $(TASKS) --out $(OUT)
	@echo "Open $(OUT)/report.html in a browser, or serve the demo's pages: $(BIN)/gpucost demo --serve"

test: $(VENV)/.dev system lint unit whole cluster  ## everything: checks, unit tests, whole reports, a real Kubernetes API server

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.dev  ## the parts of gpucost, each by itself
	$(BIN)/pytest -n 2 --durations 4 $(addprefix --ignore=,$(WHOLE) tests/cluster)

whole: $(VENV)/.dev $(VENV)/.focus  ## whole reports: golden cases, laws, databases, files, pages in a browser, docs, chart and image
	$(BIN)/pytest -n 2 --durations 8 $(WHOLE)

cluster: $(VENV)/.dev  ## a real Kubernetes API server: one for each of two processes, which share out the files
	$(BIN)/pytest -n 2 --dist loadfile --durations 8 tests/cluster

deep: $(VENV)/.dev  ## the property tests with many more examples
	HYPOTHESIS_PROFILE=deep $(BIN)/pytest -n 2 --ignore=tests/cluster --ignore=tests/chart

bench: $(VENV)/.dev system  ## ratios against hand-written rivals
	$(BIN)/python bench/run.py

docs: $(VENV)/.dev  ## run the examples of README.md and docs/ anew, and write their outputs and generated parts
	$(BIN)/python tests/docs/generate.py

site: $(VENV)/.dev  ## the docs as a site in build/site, with warnings as errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -f site/mkdocs.yml

pictures: $(VENV)/.dev  ## the pictures of README.md and docs/, from the demo in a real browser
	PYTHONPATH=tests $(BIN)/python tests/docs/pictures.py

dashboards: $(VENV)/.dev  ## the Grafana dashboards of the chart, from their code
	$(BIN)/python -m dashboards

system:
	sh tests/system-packages.sh

lock: | $(VENV)/bin/python  ## pin the dependencies anew
	$(BIN)/pip install -q --disable-pip-version-check pip-tools==7.6.2
	$(BIN)/pip-compile -q --generate-hashes --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	  -o requirements.lock pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	  --allow-unsafe --extra test -o requirements-dev.lock pyproject.toml
	$(BIN)/pip-compile -q --generate-hashes --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	  --allow-unsafe -o tests/focus/requirements.lock tests/focus/requirements.in

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

$(VENV)/.focus: tests/focus/requirements.lock | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/focus-validator
	$(VENV)/focus-validator/bin/pip install -q --disable-pip-version-check --require-hashes -r tests/focus/requirements.lock
	touch $@

clean:
	rm -rf $(VENV) $(OUT) build dist
