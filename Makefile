# make lab    set up, then open the course in JupyterLab
# make test   set up, then run every check that needs no browser
# make update the newest lessons, and nothing of yours is lost
# make site   set up, then write the course as a web site to site/
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
WEB     = $(VENV)-site/bin

# Answers given while testing must not land in a learner's own progress. And with matrices as small as the
# tests', a second BLAS thread costs more than it brings as soon as the machine has anything else to do.
TEST_ENV = TRAINABLE_DEPTH_HOME=$$(mktemp -d) OPENBLAS_NUM_THREADS=1
# A file stays together, as its tests share trainings. The chapters, which take longest, come first. And nbval,
# which takes seconds to import, is for notebooks.
ON_ALL_CORES = -p no:nbval -n logical --dist loadfile --no-loadscope-reorder
# Of what has few files, or waits for other processes.
IN_PAIRS = -p no:nbval -n 2 --dist loadfile
NBVAL = --nbval-lax --nbval-cell-timeout=300

# Tests with targets of their own, as they need more than Python.
NO_SPECIALS = $(addprefix --ignore=tests/,browser colab elsewhere grading interop site)

# What takes many seeds, where fewer find the same at each change, is for `make seeds`; what takes long in
# grading and site-check, for `make release`, or `make grading DAILY=`.
DAILY = -m "not release"

# Tests of the numbers in the lessons, which train for minutes; and all that rounding, and so the processor, has a
# say in: of the chapters all but what neither trains nor iterates.
NUMBERS = $(wildcard tests/chapters/*/test_lesson.py tests/chapters/*/test_claims.py) tests/chapters/rescue/test_rescue.py
UNTRAINED = gain_chain gradient_by_layer jacobian_spectrum edge_of_chaos init_explorer layer_statistics norm_axes \
	norms train_vs_eval hints dropout_masks skips
TRAINED = tests/chapters tests/test_training.py $(addprefix --ignore-glob=*/,$(UNTRAINED:%=test_%.py))

.PHONY: lab update address test check units lessons machines seeds browser oldest colab elsewhere grading nbgrader \
	exercises claims kit site site-check site-browser release tidy pictures benchmarks clean

# JupyterLab refuses to run as root, unless it is told to: make lab OPTIONS=--allow-root
lab: $(VENV)/lab.done
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@cp tools/overrides.json $(VENV)/share/jupyter/lab/settings/
	@$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(OPTIONS) || { \
		[ "$$(id -u)" != 0 ] || [ "$(OPTIONS)" ] || echo 'As root, as in a container: make lab OPTIONS=--allow-root'; \
		exit 1; }

# The newest lessons; what you changed is kept beside them.
update:
	$(PYTHON) tools/update.py

# Where the course can be had, for whoever publishes it: make address REPOSITORY=https://github.com/OWNER/NAME
address: $(VENV)/test.done
	$(BIN)/python -m tools.address "$(REPOSITORY)"
	$(BIN)/python tools/notebooks.py tidy notebooks/*.ipynb solutions/*.ipynb
	$(BIN)/python tools/exercises.py

test: check units lessons

check: $(VENV)/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

units: $(VENV)/test.done
	$(TEST_ENV) $(BIN)/pytest $(NO_SPECIALS) $(DAILY) $(ON_ALL_CORES) $(ONLY)

lessons: $(VENV)/test.done
	$(TEST_ENV) $(BIN)/pytest -n logical --dist loadfile $(NBVAL) notebooks exercises solutions $(ONLY)

# As on other processors: OpenBLAS has a kernel for each kind, and `default` is this one's.
KERNELS = default Haswell SkylakeX Sandybridge Nehalem
machines: $(VENV)/test.done
	$(TEST_ENV) $(BIN)/python -m tools.machines $(KERNELS) -- $(TRAINED) $(DAILY) $(ON_ALL_CORES) $(ONLY)

# Statements over many seeds, and every known answer to every exercise: its message with 20, its points with 200.
seeds: $(VENV)/test.done
	$(TEST_ENV) $(BIN)/pytest $(NO_SPECIALS) -m release $(ON_ALL_CORES) $(ONLY)
	$(TEST_ENV) $(BIN)/python benchmarks/check_proof.py 20
	$(TEST_ENV) $(BIN)/python benchmarks/check_proof.py --points 200

# The real JupyterLab in a real Chromium, twice side by side, as both wait for each other most of the time.
# Fails without a browser: CHROMIUM names the program, PAGES some tests.
PAGES = tests/browser
browser: $(VENV)/browser.done
	$(TEST_ENV) $(BIN)/pytest -n 2 --dist loadscope $(PAGES) $(ONLY)

# The tests on the oldest versions that pyproject.toml and requirements.txt allow, but for the lessons' numbers,
# which take minutes of training: the lessons themselves are executed. The old versions use parts of other
# packages that are deprecated today, which is no concern of ours.
oldest: $(VENV)-oldest/test.done
	$(TEST_ENV) $(VENV)-oldest/bin/pytest $(NO_SPECIALS) $(addprefix --ignore=,$(NUMBERS)) $(DAILY) $(ON_ALL_CORES) -W ignore::DeprecationWarning $(ONLY)
	$(TEST_ENV) $(VENV)-oldest/bin/pytest -W ignore::DeprecationWarning -n logical --dist loadfile $(NBVAL) notebooks

# The course as Colab gets it, by one line beside the versions that Colab has, in an environment of its own.
colab: $(VENV)-colab/test.done
	$(TEST_ENV) $(VENV)-colab/bin/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps .
	$(TEST_ENV) $(VENV)-colab/bin/pytest tests/colab $(ONLY)

# The real Notebook 7 and nbclassic in a real Chromium, in an environment of their own.
elsewhere: $(VENV)-elsewhere/test.done
	$(TEST_ENV) $(VENV)-elsewhere/bin/pytest tests/elsewhere $(ONLY)

# The batch grader under attack, in whole batches and on a Dask cluster. Fails without bubblewrap.
# Its class has 30 students; before a release: make grading ONLY=--size=300
grading: $(VENV)/grading.done
	$(TEST_ENV) $(BIN)/pytest $(IN_PAIRS) tests/grading $(DAILY) $(ONLY)

# nbgrader on the workbooks, stock and with our grader inside (which needs bubblewrap), in an environment of
# its own: it brings a hundred packages.
nbgrader: $(VENV)-nbgrader/test.done
	$(TEST_ENV) $(VENV)-nbgrader/bin/pytest tests/interop

# The course as a web site: pages to read, and JupyterLite to run it. After the set-up it needs no network.
site: $(VENV)-site/site.done
	OPENBLAS_NUM_THREADS=1 $(WEB)/python -m tools.web build site

# Is all in the site that must be? Builds it with notebooks that are not executed, and makes a few frames.
site-check: $(VENV)-site/site.done
	$(TEST_ENV) $(WEB)/pytest $(IN_PAIRS) tests/site/test_build.py tests/site/test_bake.py $(DAILY) $(ONLY)

# What `make site` has written, in a real Chromium. Its last lines say how much of Python could be tried.
site-browser: $(VENV)-site/site.done
	$(TEST_ENV) $(WEB)/pytest tests/site/test_pages.py tests/site/test_alive.py tests/site/test_live.py $(ONLY)

# What .ci/run leaves out, so that it ends within half an hour: before a release, and after a change of what it
# is about.
release: seeds browser oldest colab elsewhere nbgrader site site-browser
	$(MAKE) grading site-check DAILY=

# Notebooks in canonical form: no outputs, no timing metadata, sorted keys.
tidy: $(VENV)/test.done
	$(BIN)/python tools/notebooks.py tidy notebooks/*.ipynb solutions/*.ipynb
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The workbooks, from solutions/.
exercises: $(VENV)/test.done
	$(BIN)/python tools/exercises.py

# The appendix *Claims, measured*, from the chapters' lists of claims.
claims: $(VENV)/test.done
	$(BIN)/python tools/claims.py

# The kit for a class, in kit/: slides, plans, question banks, an atlas of misconceptions, tests to print, and a
# release for learners. GRADES=grades.json, the grader's, says how common each misconception is.
kit: $(VENV)/test.done
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tools.kit build kit $(if $(GRADES),--grades $(GRADES))

# The README's screenshots, taken in JupyterLab.
pictures: $(VENV)/browser.done
	$(TEST_ENV) $(BIN)/python tools/pictures.py

benchmarks: $(VENV)/browser.done
	$(TEST_ENV) $(BIN)/python benchmarks/engine.py
	$(TEST_ENV) $(BIN)/python benchmarks/explorer_step.py
	$(TEST_ENV) $(BIN)/python benchmarks/slow_instruments.py
	$(TEST_ENV) $(BIN)/python benchmarks/import_time.py
	$(TEST_ENV) $(BIN)/python benchmarks/check_time.py
	$(TEST_ENV) $(BIN)/python benchmarks/check_proof.py 20
	$(TEST_ENV) $(BIN)/python benchmarks/slider_latency.py

clean:
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-colab $(VENV)-elsewhere $(VENV)-nbgrader $(VENV)-site site kit

$(VENV)/lab.done: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "This course needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Name another one: make lab PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/test.done: $(VENV)/lab.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(VENV)/browser.done: $(VENV)/test.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[browser]'
	@touch $@

$(VENV)/grading.done: $(VENV)/test.done
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[grading]'
	@touch $@

$(VENV)-oldest/test.done: requirements.txt pyproject.toml tests/oldest.txt
	$(PYTHON) -m venv $(VENV)-oldest
	$(VENV)-oldest/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e '.[test]' -c tests/oldest.txt
	@touch $@

$(VENV)-colab/test.done: pyproject.toml tests/colab.txt
	$(PYTHON) -m venv $(VENV)-colab
	$(VENV)-colab/bin/python -m pip install --quiet --disable-pip-version-check '.[test]' -r tests/colab.txt ipykernel nbclient
	@touch $@

$(VENV)-elsewhere/test.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)-elsewhere
	$(VENV)-elsewhere/bin/python -m pip install --quiet --disable-pip-version-check -e '.[test,browser]' 'notebook>=7.2,<8' nbclassic
	@touch $@

$(VENV)-nbgrader/test.done: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)-nbgrader
	$(VENV)-nbgrader/bin/python -m pip install --quiet --disable-pip-version-check -e '.[nbgrader]'
	@touch $@

$(VENV)-site/site.done: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)-site
	$(WEB)/python -m pip install --quiet --disable-pip-version-check -e '.[site,browser,test]'
	$(WEB)/python -m tools.web wheels
	@touch $@
