"""The matrix of kernels: what it sets, and that it counts what fails."""

import re
from pathlib import Path

import pytest

from tools import machines

ROOT = Path(__file__).parents[1]
PASS, FAIL = "def test_a():\n    pass\n", "def test_b():\n    assert 2 * 2 == 5\n"


def test_no_file_that_trains_is_left_out():
    (names,) = re.findall(r"^UNTRAINED = (.*\\\n.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for name in names.replace("\\", "").split():
        (file,) = ROOT.glob(f"tests/chapters/*/test_{name}.py")
        assert not re.search(
            r"\btrain\(|raining|SGD|Adam|descend|compare\(|study\(", file.read_text("utf-8")
        ), name


def test_default_is_the_processors_own_whatever_is_set(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "512")
    assert "OPENBLAS_CORETYPE" not in machines.environment("default")
    assert "OPENBLAS_L2_SIZE" not in machines.environment("Haswell")
    assert machines.environment("Haswell")["OPENBLAS_CORETYPE"] == "Haswell"


def test_a_kernel_is_asked_for_its_name():
    own = machines.core("default")
    if not own:
        pytest.skip("numpy does not multiply with OpenBLAS here")
    assert machines.core(own) == own
    # So `main` can tell that it is not there. (An older OpenBLAS falls back to Haswell's.)
    assert machines.core("NoSuchKernel") in {own, "Haswell"}


def test_failures_are_counted_and_named(tmp_path, capsys):
    (tmp_path / "test_one.py").write_text(PASS + FAIL)
    options = [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:nbval",
        "--rootdir",
        str(tmp_path),
        str(tmp_path / "test_one.py"),
    ]
    assert machines.main(["default", "NoSuchKernel", "--", *options]) == 1
    said = capsys.readouterr().out
    row = next(line.split() for line in said.splitlines() if line.startswith("default "))
    assert row[2:4] == ["1", "1"]
    assert "test_one.py::test_b" in said.splitlines()[-1]
    assert "NoSuchKernel  not in this BLAS" in said

    (tmp_path / "test_one.py").write_text(PASS)
    assert machines.main(["default", "--", *options]) == 0
    (tmp_path / "test_one.py").write_text("")
    assert machines.main(["default", "--", *options]) == 1  # no test is no success
