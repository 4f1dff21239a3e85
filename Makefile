# make demo   sets everything up, runs argand on a real image, real crystals and simulated fibrils, and says where
#             the page is that links all answers; make demo OPEN=yes opens it in the browser
# make test   sets everything up, checks the code and runs the tests
# make lint   checks the code only
# make docs   builds the documentation site in build/docs, and runs its tutorials and examples
# make bench  measures the main figures again and writes them into docs/figures, the README and the weights' card
# make torture        gives argand the malformed inputs of three seeds and counts what goes wrong: nothing is to
# make kill-test      kills commands at random moments, runs them again and compares the results
# make lowest         runs a part of the tests with the oldest versions of what argand needs
# make install-check  builds wheel and source archive, installs each in an environment of its own and tries it
#
# TORCH_INDEX=ADDRESS    takes torch from the index at this address, such as PyTorch's own for the CPU build
# INSTALLER="COMMAND"    installs with another program than pip, such as uv
# CONSTRAINTS=           takes no pinned versions, and so leaves another torch in .venv as it is

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN = .venv/bin
TORCH_INDEX ?=
INSTALLER ?= $(BIN)/python -m pip install
CONSTRAINTS ?= constraints.txt
INSTALL = $(INSTALLER) $(addprefix -c ,$(CONSTRAINTS))
# Without its dependencies, which that index need not have in the pinned versions; they come with the rest.
TORCH_FIRST = $(if $(TORCH_INDEX),$(INSTALL) --no-deps --index-url "$(TORCH_INDEX)" torch)

# The browser in which pages are tested; where there is none, and this is not CI, those tests are skipped.
BROWSER = { apt-get update && apt-get install --yes --no-install-recommends chromium; }

.PHONY: demo test lint docs bench torture kill-test lowest install-check

demo: .venv/installed
	$(BIN)/argand geometry predict examples/data/thau_3_2_0006.cbf.bz2 --out demo/geometry --force
	$(BIN)/argand patterson solve examples/data/cod_2016452.hkl.gz --cell 9.748,8.890,7.566,90,112.74,90 \
		--spacegroup "P 21/c" --formula C14H14O2 --seed 0 --out demo/patterson --force
	$(BIN)/argand molmnist predict "sample#13-14" --out demo/molmnist --force
	$(BIN)/argand crystals reconstruct examples/data/crystals --out demo/crystals --force
	$(BIN)/argand crystals interpolate examples/data/crystals/SrTiO3_mp-5229.cif \
		examples/data/crystals/PbTiO3_mp-20459.cif --out demo/interpolation --force --accept-untrusted
	$(BIN)/argand overview demo $(if $(OPEN),--open)

test: lint .venv/docs
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

lint: .venv/tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

docs: .venv/docs build/docs-fresh
	OMP_NUM_THREADS=1 $(BIN)/sphinx-build -W --keep-going -q docs build/docs
	$(BIN)/python docs/_extensions/built_links.py build/docs
	@echo "The site: $(CURDIR)/build/docs/index.html"

# Everything is made anew where code or data have changed; otherwise what tutorials and examples printed is kept.
build/docs-fresh: $(shell find src examples/data -type f -not -name '*.pyc')
	rm -rf build/docs build/docs-cache docs/gallery docs/reference/api
	mkdir -p build
	touch $@

bench: DATA = $${ARGAND_DATA:-../shared/data}/geometry
bench: OTHER = $${ARGAND_DATA:-../shared/data}/geometry_other
bench: CRYSTALS = $${ARGAND_DATA:-../shared/data}/patterson
bench: .venv/tools
	$(BIN)/python benchmarks/geometry_simulated.py --count 100 --half report --processes 2 --card \
		--json benchmarks/results/geometry_simulated.json
	$(BIN)/python benchmarks/geometry_simulated.py --count 40 --parts 0 --half choose --processes 2 \
		--json benchmarks/results/geometry_simulated.json --figure docs/figures/coverage.png
	$(BIN)/python benchmarks/geometry_rings.py --count 9 --data $(OTHER) --json benchmarks/results/geometry_rings.json
	$(BIN)/python benchmarks/geometry_lattice.py --count 28 --data $(OTHER) \
		--json benchmarks/results/geometry_lattice.json
	$(BIN)/python benchmarks/geometry_panels.py --json benchmarks/results/geometry_panels.json
	$(BIN)/python benchmarks/geometry_real.py --data $(DATA) --opponents --json benchmarks/results/geometry_real.json
	$(BIN)/python benchmarks/geometry_speed.py --data $(DATA) --json benchmarks/results/geometry_speed.json
	$(BIN)/python benchmarks/patterson.py --json benchmarks/results/patterson.json
	$(BIN)/python benchmarks/patterson_separation.py --json benchmarks/results/patterson_separation.json
	$(BIN)/python benchmarks/patterson_solver.py --data $(CRYSTALS) --json benchmarks/results/patterson_solver.json
	$(BIN)/python benchmarks/patterson_space_group.py --data $(CRYSTALS) \
		--json benchmarks/results/patterson_space_group.json
	$(BIN)/python benchmarks/tables.py

torture: SEEDS = 0,1,2
torture: .venv/tools
	OMP_NUM_THREADS=1 $(BIN)/python tests/malformed/run.py --seeds $(SEEDS) --real 50 --json build/torture.json

kill-test: MOMENTS = 50
kill-test: .venv/tools
	OMP_NUM_THREADS=1 $(BIN)/python tests/killed/run.py --moments $(MOMENTS)

LOWEST = build/lowest/bin/python
lowest: TESTS = tests/io tests/runs tests/physics tests/nn tests/test_*.py tests/systems/crystals
lowest: PAGES = tests/systems/geometry/test_view.py tests/systems/geometry/files/test_outputs.py \
		tests/systems/patterson/test_cli.py tests/systems/patterson/solution/test_page.py \
		tests/systems/molmnist/test_predict.py
lowest:
	$(PYTHON) -m venv build/lowest
	$(LOWEST) -m pip install -c constraints-lowest.txt -e '.[train]' pytest hypothesis beartype nxmx
	OMP_NUM_THREADS=1 $(LOWEST) -m pytest -m "not slow" $(TESTS)
	OMP_NUM_THREADS=1 $(LOWEST) -m pytest -m "not slow" -o addopts=--import-mode=importlib $(PAGES)

install-check: .venv/tools
	$(BIN)/python tests/install_check.py

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --upgrade pip
	$(TORCH_FIRST)
	$(INSTALL) -e '.[all]'
	touch $@

.venv/docs: .venv/installed
	$(INSTALL) --group docs
	touch $@

.venv/tools: .venv/installed
	$(INSTALL) --group dev
	$(if $(CI),command -v chromium chromium-browser google-chrome || $(BROWSER))
	touch $@
