# All the set-up there is: git, make and Python 3.11 to 3.14 with venv are enough.
# What a target does is in tools/; this file only names it.

PYTHON ?= python3
PORT ?= 8000
RUN = .venv/bin/python -E -X utf8 -m  # whatever PYTHON... variables say

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help set-up book serve test outputs results bench evidence lock mutants repository links colab clean

help:  ## list what make can do
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' Makefile | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'

book: set-up  ## run the notebooks and build the HTML in _build/html
	@$(RUN) tools.book

serve: book  ## build the book and serve it on http://localhost:8000 (another port: PORT=8001)
	@$(RUN) tools.book --serve $(PORT)

test: set-up  ## lint, types, book, tests and notebooks, with a summary at the end
	@$(RUN) tools.check

outputs: set-up  ## run the notebooks and store their outputs in them
	@$(RUN) tools.outputs

results: set-up  ## run the experiments that the chapters have stored, and store them anew (20 minutes of one core)
	@$(RUN) tools.results

bench: set-up  ## time batch normalization beside torch, NumPy and the machine's limit; measure errors (5 minutes)
	@$(RUN) benchmarks.cpu

evidence: set-up  ## write the page on evidence from chapters, package and tests
	@$(RUN) tools.evidence

mutants: set-up  ## plant faults in the package and see the tests catch them
	@$(RUN) tools.mutants

lock: set-up  ## renew the pins in requirements.txt from requirements.in
	@$(RUN) tools.lock

repository: set-up  ## give the repository another address: make repository URL=https://github.com/YOU/FORK
	@$(RUN) tools.repository "$(URL)"

links: set-up  ## try the links that lead out of the book
	@$(RUN) tools.links

colab: set-up  ## run the notebooks as Colab would: its versions, the package installed by their first cell
	@$(RUN) tools.colab

clean:  ## remove what was built; .venv stays (rm -r .venv makes the next make start anew)
	@rm -rf _build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

set-up:
	@command -v $(PYTHON) >/dev/null || { \
		echo "set-up: there is no '$(PYTHON)' here. Install Python 3.11 to 3.14 with venv" \
			"(Debian, Ubuntu: sudo apt install python3-venv), or name yours: make book PYTHON=..." >&2; \
		exit 1; }
	@$(PYTHON) -E -m tools.set_up
