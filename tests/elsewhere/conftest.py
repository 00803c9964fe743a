"""These tests have an environment of their own (`make elsewhere`); elsewhere there is nothing to collect."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("nbclassic") else ["test_*.py"]
