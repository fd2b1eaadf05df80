# Each target does all its own set-up; a second run reuses it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test bench chaos crashes e2e knative monitoring sdk image charts charts-installed parity docs lint types check manifests clean

demo: $(VENV)/.runtime ## bring a sample InferenceService to Ready on the devcluster and show it
	$(BIN)/python -m kservectl dev -f manifests/samples/sklearn-iris.yaml --exit-when-ready

test: $(VENV)/.complete ## the tests, and the suite of e2e/ on the devcluster
	$(BIN)/python -m pytest -n 2 tests e2e

e2e: $(VENV)/.complete ## the suite of e2e/ on real control planes, built once from Go modules, and the rights that it used
	rm -rf .audit
	$(BIN)/python -m pytest -n 2 --dist loadfile e2e --cluster real --audit-logs .audit
	$(BIN)/python -m pytest e2e/test_rights.py -m whole_suite --audit-logs .audit

knative: $(VENV)/.complete ## a canary under Knative Serving's own controller, built once from its Go module
	$(BIN)/python -m pytest e2e/test_knative.py --cluster real -m knative

sdk: $(VENV)/.complete ## the KServe Python SDK, unchanged: on the devcluster, and its model servers behind the router
	$(BIN)/python -m pytest e2e/test_sdk.py e2e/test_graph_of_models.py -m sdk

image: $(VENV)/.complete ## build the image into .image and start its manager, as root (installs buildah and mmdebstrap)
	image/build .image
	$(BIN)/python -m pytest e2e/test_image.py -m image

charts: $(VENV)/.complete ## hold the Helm charts against the kustomize base with the real helm, built once
	$(BIN)/python -m pytest e2e/test_charts.py -m helm

charts-installed: $(VENV)/.complete ## install, upgrade and take away the charts by the real helm on a real control plane, in every variant
	$(BIN)/python -m pytest e2e/test_chart_installed.py -m helm --cluster real

parity: $(VENV)/.complete ## compare with recordings of KServe's own manager, where there are any
	$(BIN)/python -m e2e.parity

monitoring: $(VENV)/.complete ## every alert and panel under a real Prometheus (Debian's package, fetched once), with faults
	$(BIN)/python -m pytest -m prometheus tests/manifests/monitoring

bench: $(VENV)/.bench ## what the design's section 6 asks for, measured on a real control plane (80 minutes); ROWS and PEER choose
	$(BIN)/python -m benchmarks $(ROWS) $(if $(PEER),--peer $(PEER)) --write

chaos: $(VENV)/.complete ## ten runs of ten minutes of random requests and random trouble; SEED, SEEDS and MINUTES change that
	$(BIN)/python -m e2e.chaos --seed $(or $(SEED),1) --seeds $(or $(SEEDS),10) --minutes $(or $(MINUTES),10) --mode all

crashes: $(VENV)/.complete ## the manager killed before and after every call, and a short run of chaos
	$(BIN)/python -m pytest -m "crashes or chaos" tests/crashes e2e/test_chaos.py

docs: $(VENV)/.complete ## the documentation as a site, into site/; every link is checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "the documentation: site/index.html"

lint: $(VENV)/.complete
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.complete
	$(BIN)/mypy

check: test lint types ## everything but the real cluster

manifests: $(VENV)/.complete ## write manifests/ and charts/ anew from the code
	$(BIN)/python -m kservectl manifests --write manifests --write-charts charts

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kservectl needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/.complete: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@ $(VENV)/.runtime

$(VENV)/.bench: $(VENV)/.complete
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,bench]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
