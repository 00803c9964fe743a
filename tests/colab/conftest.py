"""These tests have an environment of their own (`make colab`); elsewhere there is nothing to collect."""

from importlib.metadata import version

collect_ignore_glob = [] if version("ipywidgets").startswith("7.") else ["test_*.py"]
