"""The same tests as on other processors: OpenBLAS, numpy's multiplier, has a kernel for each kind.

    python -m tools.machines default Haswell SkylakeX -- tests/test_rescue.py    # kernels -- for pytest

Each kernel rounds in its own way, so a training that is sensitive to rounding ends elsewhere. Prints a table
and exits with 1 if a test failed anywhere. A kernel that is the processor's own is run as `default` only; one
that this processor or this numpy does not have is left out, and named.
"""

import os
import re
import subprocess
import sys
import time

import numpy as np

# What sets the kernel from outside; neither must be left over in `default`.
SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
PRODUCT = "import numpy as np; np.ones((200, 200)) @ np.ones((200, 200))"


def environment(kernel):
    """The variables under which numpy uses a kernel; "default" is the processor's own."""
    found = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return found if kernel == "default" else {**found, "OPENBLAS_CORETYPE": kernel}


def core(kernel):
    """The kernel that OpenBLAS says it takes; None if a product fails, "" if another BLAS is at work."""
    run = subprocess.run(
        [sys.executable, "-c", PRODUCT],
        env={**environment(kernel), "OPENBLAS_VERBOSE": "2"},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if run.returncode:  # an instruction that the processor does not have
        return None
    said = re.search(r"^Core: (\w+)", run.stderr, re.MULTILINE)
    return said.group(1) if said else ""


def run(kernel, arguments):
    """(passed, failed, seconds, names of failed tests) of pytest under a kernel; its output is shown."""
    start = time.monotonic()
    lines, command = [], [sys.executable, "-m", "pytest", "-q", "-rfE", *arguments]
    with subprocess.Popen(command, env=environment(kernel), stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    code = process.returncode
    last = next((line for line in reversed(lines) if re.search(r" in [\d.]+s", line)), "")
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", last)}
    names = [
        line.split(" - ")[0].split(maxsplit=1)[1].strip() for line in lines if re.match("FAILED|ERROR ", line)
    ]
    failed = counts.get("failed", 0) + counts.get("error", 0)
    if code and not failed:  # stopped, or not a single test collected
        failed, names = 1, [*names, f"pytest ended with {code}"]
    return counts.get("passed", 0), failed, time.monotonic() - start, names


def main(arguments):
    """Run all kernels; 1 if anything failed, else 0."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    kernels, options = arguments[:at] or ["default"], arguments[at + 1 :]
    own, rows, failures = core("default"), [], []
    for kernel in kernels:
        found = core(kernel)
        if kernel != "default" and found is None:
            rows.append((kernel, "this processor cannot run it"))
        elif kernel != "default" and found != kernel:
            rows.append((kernel, f"not in this BLAS of numpy {np.__version__}"))
        elif kernel != "default" and kernel == own:
            rows.append((kernel, "is the processor's own: see default"))
        else:
            print(f"\n--- {kernel} ({found or 'not OpenBLAS'}) ---", flush=True)
            passed, failed, seconds, names = run(kernel, options)
            rows.append((kernel, found or "not OpenBLAS", str(passed), str(failed), f"{seconds:.0f} s"))
            failures += [f"{kernel}: {name}" for name in names]
    print("\n" + table([("kernel", "core in use", "passed", "failed", "time"), *rows]))
    print(*failures, sep="\n")
    return 1 if failures else 0


def table(rows):
    """Rows of texts as lines with aligned columns; what stands alone behind the first may be longer."""
    widths = [max(len(row[i]) for row in rows if len(row) == len(rows[0])) for i in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
