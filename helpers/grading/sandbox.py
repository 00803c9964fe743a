"""A process for the learner's code that can do nothing but compute, and the conversation with it.

With bubblewrap it has no network, no files but a read-only Python and an empty scratch directory, no sight of
other processes, no child processes, and nothing of the course but worker.py and what that needs. Without
bubblewrap it is an ordinary process of yours: good against mistakes, not against intent.
"""

import functools
import os
import platform
import secrets
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from time import monotonic

import helpers
from helpers.grading.wire import HEADER, LARGEST, frame, parse

PACKAGE = Path(helpers.__file__).resolve().parent
STAGED = ("arguments.py", "checking/calls.py", "checking/values.py", "grading/wire.py", "grading/worker.py")
SCRATCH = 64 * 2**20  # bytes of files
BUBBLEWRAP, NOTHING = "bubblewrap", "unisolated"  # what a row is stamped with

_one_at_a_time = threading.Lock()


class Died(Exception):
    """The process in the sandbox ended, or talks nonsense; it has been put away."""


class TookTooLong(Died):
    """It did not answer in time."""


class Sandbox:
    """A process in which learner's code runs, from making it to `close()`.

    kind: BUBBLEWRAP or NOTHING; seconds: of processor time that it may use.
    """

    def __init__(self, kind, seconds):
        command, fds = _command(kind, seconds)
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd=tempfile.gettempdir(),
                pass_fds=fds,
                start_new_session=True,
                bufsize=0,
            )
        finally:
            for fd in fds:
                os.close(fd)
        for pipe in (self.process.stdin, self.process.stdout):
            os.set_blocking(pipe.fileno(), False)

    def ask(self, request, seconds):
        """The answer to a request, an object. Died or TookTooLong, and then it is closed."""
        end, token = monotonic() + seconds, secrets.token_hex(8)
        try:
            self._write(frame({**request, "token": token}), end)
            (length,) = HEADER.unpack(self._read(HEADER.size, end))
            if length > LARGEST:
                raise Died("it answers with too much data")
            answer = parse(self._read(length, end))
            if answer.get("to") != token:
                raise Died("it speaks without being asked")
            return answer
        except Died:
            self.close()
            raise
        except (OSError, ValueError) as error:
            self.close()
            raise Died(str(error)) from None

    def close(self):
        """Kill it and all that it started. (Without bubblewrap, all that did not detach itself.)"""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _write(self, data, end):
        data = memoryview(data)
        while data:
            self._wait_for(self.process.stdin, select.POLLOUT, end)
            data = data[os.write(self.process.stdin.fileno(), data[: 2**16]) :]

    def _read(self, count, end):
        data = bytearray()
        while len(data) < count:
            self._wait_for(self.process.stdout, select.POLLIN, end)
            part = os.read(self.process.stdout.fileno(), min(count - len(data), 2**20))
            if not part:
                raise Died("the process ended")
            data += part
        return bytes(data)

    def _wait_for(self, pipe, event, end):
        poll = select.poll()
        poll.register(pipe, event)
        if not poll.poll(max(end - monotonic(), 0) * 1000):
            raise TookTooLong("it does not answer")


@functools.cache
def isolation():
    """What keeps learners' code in on this machine: (BUBBLEWRAP or NOTHING, why)."""
    if not shutil.which("bwrap"):
        return NOTHING, "bubblewrap is not installed (apt-get install bubblewrap)"
    command, fds = _command(BUBBLEWRAP, 10, "-c", "import numpy")
    try:
        tried = subprocess.run(command, env=_environment(), pass_fds=fds, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return NOTHING, "bubblewrap does not start within a minute"
    finally:
        for fd in fds:
            os.close(fd)
    if tried.returncode:
        said = tried.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        return NOTHING, f"bubblewrap does not work here: {''.join(said)}"
    return BUBBLEWRAP, "bubblewrap works"


def _command(kind, seconds, *instead):
    """The command line, and the file descriptors that it needs. instead: of the worker, for a trial."""
    with _one_at_a_time:
        stage = _stage()
    inside = stage if kind == NOTHING else "/grader"
    worker = [f"{inside}/helpers/grading/worker.py", str(int(seconds))]
    run = [sys.executable, "-I", "-B", *(instead or worker)]
    if kind == NOTHING:
        return run, ()
    seccomp = _no_processes()
    options = ["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"]
    options += ["--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
    options += ["--hostname", "sandbox", "--clearenv"]
    for name, value in _environment().items():
        options += ["--setenv", name, value]
    options += ["--proc", "/proc", "--dev", "/dev", "--size", str(2**20), "--tmpfs", "/dev/shm"]
    options += ["--size", str(SCRATCH), "--tmpfs", "/tmp"]
    for path in [*_runtime(), *_links()]:  # which may lie in /tmp
        options += ["--ro-bind", path, path]
    for path in ("/etc/alternatives", "/etc/ld.so.cache"):  # how Debian finds its libraries
        options += ["--ro-bind-try", path, path]
    for path in ("/bin", "/lib", "/lib64"):
        if os.path.islink(path):
            options += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            options += ["--ro-bind", path, path]
    for path in _hidden():
        options += ["--tmpfs", path, "--remount-ro", path]
    options += ["--ro-bind", stage, "/grader", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    options += ["--seccomp", str(seccomp)] if seccomp is not None else []
    return ["bwrap", *options, "--", *run], () if seccomp is None else (seccomp,)


def _environment():
    """Nothing of yours: no tokens, no paths. One thread for numpy: jobs share the machine."""
    ours = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "MPLBACKEND": "Agg"}
    return ours | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _runtime():
    """The directories that Python and its packages live in, the outer ones first."""
    return sorted({"/usr", sys.base_prefix, sys.prefix})


def _links():
    """The files that lead from a virtual environment's Python to the real one."""
    found, path = [], Path(sys.executable)
    while path.is_symlink():
        path = path.parent / os.readlink(path)
        found.append(os.path.normpath(path))
    within = [Path(path) for path in _runtime()]
    return [path for path in found if not any(Path(path).is_relative_to(other) for other in within)]


def _hidden():
    """What of the course lies in there all the same: an installed copy, or a checkout around it."""
    checkout = PACKAGE.parent
    course = [PACKAGE]
    if (checkout / "pyproject.toml").exists():
        course += [path for path in checkout.iterdir() if path.is_dir() and path != Path(sys.prefix)]
    within = [Path(path) for path in _runtime()]
    return sorted({str(path) for path in course if any(path.is_relative_to(other) for other in within)})


@functools.cache
def _stage():
    """A directory with copies of all that the sandbox may see of the course; it goes with the grader."""
    _stage.directory = tempfile.TemporaryDirectory(prefix="grading-")
    stage = Path(_stage.directory.name)
    stage.chmod(0o755)
    for name in STAGED:
        copy = stage / "helpers" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        (copy.parent / "__init__.py").touch()
        shutil.copyfile(PACKAGE / name, copy)
    return str(stage)


# --- No processes in the sandbox ----------------------------------------------------------------------

# architecture: its number in the kernel's audit.h, and those of fork, vfork (where there are), clone, clone3
SYSCALLS = {"x86_64": (0xC000003E, (57, 58), 56, 435), "aarch64": (0xC00000B7, (), 220, 435)}
ALLOW, KILL, REFUSE, UNKNOWN = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026  # with EPERM, with ENOSYS
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
CLONE_THREAD = 0x00010000


def _no_processes():
    """A file descriptor of a seccomp filter that allows threads and no processes; None on other machines.

    So neither a daemon nor a fork bomb can start, and the limit on one process's memory is the limit on all
    of it. (RLIMIT_NPROC would not hold for root, and counts per user, not per sandbox.)
    """
    if platform.machine() not in SYSCALLS:
        return None
    arch, forks, clone, clone3 = SYSCALLS[platform.machine()]
    lines = [
        (LOAD, 0, 0, 4),  # the architecture
        (EQUAL, 1, 0, arch),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),  # the system call
        (AT_LEAST, 0, 1, 0x40000000),  # x32's numbers for the same calls
        (RETURN, 0, 0, REFUSE),
        (EQUAL, 0, 1, clone3),  # whose flags lie in memory: libc then takes clone
        (RETURN, 0, 0, UNKNOWN),
    ]
    for fork in forks:
        lines += [(EQUAL, 0, 1, fork), (RETURN, 0, 0, REFUSE)]
    lines += [
        (EQUAL, 0, 3, clone),
        (LOAD, 0, 0, 16),  # its flags
        (ANY_BIT, 1, 0, CLONE_THREAD),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]
    fd = os.memfd_create("seccomp")
    os.write(fd, b"".join(struct.pack("<HBBI", *line) for line in lines))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
