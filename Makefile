# Two commands do everything on a machine with Python 3.11 and pip: `make train` and `make test`.
PYTHON ?= python3
VENV ?= .venv
ARGS ?= task=BoxGrasping until="success>=0.9"
BIN = $(VENV)/bin
# One more than there are cores, since many tests wait for a process; five at most, for the memory.
WORKERS = $(shell $(PYTHON) -c 'import os; print(min((os.cpu_count() or 1) + 1, 5))')
RUNTIME = $(VENV)/.runtime-installed
DEV = $(VENV)/.dev-installed
DOCS = $(VENV)/.docs-installed
SOCCER = $(VENV)/.soccer-installed
PIP = $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# Compiled files are kept, whatever the machine says: hundreds of commands and each test process read them.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help train test check format lint types fast-test docs soccer pythons bench clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

train: $(RUNTIME)  ## Train a policy; ARGS="task=BoxGrasping numEnvs=2048" changes what and how
	$(BIN)/python train.py $(ARGS)

# Side by side each has a core's threads: two of each of three processes wait for one another's turns on two cores, and a
# test of 20 s took five minutes.
test: $(DEV)  ## Run all tests: side by side, then those that need the machine for themselves
	@failed=0; \
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --durations 30 -m "not alone" || failed=1; \
	$(BIN)/python -m pytest -q -m alone || failed=1; \
	exit $$failed

check: format lint types fast-test  ## Format, lint, type-check and run the fast tests

format: $(DEV)  ## Format the code
	$(BIN)/ruff format --quiet .

lint: $(DEV)  ## Look for mistakes in style and imports
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .

types: $(DEV)  ## Check the types
	$(BIN)/pyright

fast-test: $(DEV)  ## Run the tests that take less than about half a second each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto -m "not slow and not journey"

docs: $(DOCS)  ## Build the site of docs/ into site/; it opens without a server
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

soccer: $(SOCCER)  ## Install the environments of task=Soccer and task=SoccerMulti (80 MB)

pythons:  ## Compose the training guide's commands on Python 3.8, 3.10 and 3.12, where they are installed
	.ci/pythons

bench: $(DEV)  ## Run the benchmarks that README quotes
	$(BIN)/python -m benchmarks.start --save
	$(BIN)/python -m benchmarks.physics --save
	$(BIN)/python -m benchmarks.ppo --task BoxGrasping --save ppo_box_grasping
	$(BIN)/python -m benchmarks.ppo --task BaseTask --threads 1 2 --units 64 64 --save ppo_64
	$(BIN)/python -m benchmarks.ppo --task HumanoidVelocity --num-envs 1024 --threads 1 2 --units 512 256 128 --iterations 8 --save ppo_512
	$(BIN)/python -m benchmarks.fast_td3 --threads 1 2 --save
	$(BIN)/python -m benchmarks.rendering
	$(BIN)/python -m benchmarks.filming
	$(BIN)/python -m benchmarks.doors --save
	$(BIN)/python -m benchmarks.sims

clean:  ## Remove the virtual environment and caches; runs are kept
	rm -rf $(VENV) site .venv-3.* .pytest_cache .ruff_cache .hypothesis *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "rlkit with MuJoCo needs Python 3.10 or newer; found $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "making the virtual environment $(VENV) ..."
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): $(BIN)/python pyproject.toml constraints.txt
	@echo "installing what training needs (torch and MuJoCo are large: a few minutes the first time) ..."
	$(PIP) --editable '.[mujoco,gymnasium,plot,video,viewer]'
	@touch $@

# gymnasium-robotics and mjlab: the files of the robots in docs/robots/ alone, none of their code or requirements.
# sai-mujoco demands a gymnasium and other packages that it does not need; pyproject.toml tells more.
$(SOCCER): $(RUNTIME)
	@echo "installing the soccer environments ..."
	$(PIP) --editable '.[soccer]'
	$(PIP) --no-deps sai-mujoco
	@touch $@

$(DOCS): $(RUNTIME)
	@echo "installing what the site needs ..."
	$(PIP) --editable '.[docs]'
	@touch $@

$(DEV): $(RUNTIME)
	@echo "installing what the tests need ..."
	$(PIP) --editable '.[dev]'
	$(PIP) --no-deps sai-mujoco gymnasium-robotics mjlab
	@touch $@ $(SOCCER) $(DOCS)
