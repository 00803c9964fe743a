"""A process for the learner's code that can do nothing but compute, and the conversation with it.

With bubblewrap it has no network, no files but a read-only Python and an empty scratch directory, no sight of
other processes, no child processes, and nothing of the course but worker.py and what that needs. Without
bubblewrap it is an ordinary process of yours: good against mistakes, not against intent. So it is only taken
when somebody asks for it.
"""

import functools
import json
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
PACKAGES = ("lib*/python3*/*-packages", "local/lib*/python3*/*-packages")  # where pip and Debian put them
SCRATCH = 64 * 2**20  # bytes of files
THREADS = 256  # at most
LOOK = 0.1  # seconds between two looks at how many there are
BUBBLEWRAP, NOTHING = "bubblewrap", "unisolated"  # what a row is stamped with

_one_at_a_time = threading.Lock()


class Died(Exception):
    """The process in the sandbox ended, or talks nonsense; it has been put away."""


class TookTooLong(Died):
    """It did not answer in time."""


class NoSandbox(ValueError):
    """There is none on this machine, and nobody said that it may be done without."""


def demand():
    """NoSandbox, saying why and what to do, unless this machine has a sandbox."""
    kind, why = isolation()
    if kind == NOTHING:
        raise NoSandbox(
            f"no sandbox on {platform.node()}: {why}. --unisolated grades honest work without one"
        )


class Sandbox:
    """A process in which learner's code runs, from making it to `close()`.

    kind: BUBBLEWRAP or NOTHING; seconds: of processor time that it may use.
    """

    def __init__(self, kind, seconds):
        told, tell = os.pipe()  # by bubblewrap: the number of its first process inside
        command, fds = _command(kind, seconds, told_by=tell)
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
            for fd in {*fds, tell}:
                os.close(fd)
        with open(told, "rb") as pipe:
            said = pipe.read()  # nothing without bubblewrap, and from one that fails
        self.first = json.loads(said)["child-pid"] if said else None
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
        """Kill it and all that it started. (Without bubblewrap, all that did not detach itself.)

        With the first process inside, everything inside dies. Its number is its own until bubblewrap, which
        waits for it, has ended.
        """
        with suppress(ProcessLookupError, PermissionError):
            if self.first and self.process.poll() is None:
                os.kill(self.first, signal.SIGKILL)
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
        while not poll.poll(min(max(end - monotonic(), 0), LOOK) * 1000):
            if monotonic() >= end:
                raise TookTooLong("it does not answer")
            if self._threads() > THREADS:
                raise Died(f"it has more than {THREADS} threads")

    def _threads(self):
        """How many there are inside. (RLIMIT_NPROC would not hold for root, and counts per user.)"""
        with suppress(OSError, ValueError, IndexError):
            inside = Path(f"/proc/{self.first}/task/{self.first}/children").read_text("ascii").split()
            return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in inside)
        return 0


@functools.cache
def isolation():
    """What keeps learners' code in on this machine: (BUBBLEWRAP or NOTHING, why)."""
    if not shutil.which("bwrap"):
        return NOTHING, "bubblewrap is not installed (apt-get install bubblewrap)"
    try:
        tried = _try("-c", LOOK_AROUND)
    except subprocess.TimeoutExpired:
        return NOTHING, "bubblewrap does not start within a minute"
    if tried.returncode:
        said = tried.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        return NOTHING, f"bubblewrap does not work here: {''.join(said)}"
    if seen := tried.stdout.decode("utf-8", "replace").strip():
        return NOTHING, f"the course's answers can be read in it: {seen.splitlines()[0]}"
    return BUBBLEWRAP, "bubblewrap works"


# In the sandbox: is there a file with a reference in it? It prints the first one that it finds.
LOOK_AROUND = """
import os, re, sys
import numpy
ours = (r"exercises(\\..*)?\\.pyc?", r"words\\.toml", r"0\\d_\\w+\\.(ipynb|html)")
ours += (r"trainable.depth.*\\.(whl|zip|gz)",)
name = re.compile("|".join(ours), re.I)
marks = (b"bn_backward", b"mlp_backward", b"lsuv", b"drop_path")
for folder, folders, files in os.walk("/"):
    if folder == "/":
        folders[:] = [one for one in folders if one not in ("proc", "sys", "dev")]
    for file in filter(name.fullmatch, files):
        path = os.path.join(folder, file)
        try:
            told = open(path, "rb").read()
        except OSError:
            continue
        if file.endswith(("whl", "zip", "gz")) or any(mark in told for mark in marks):
            sys.exit(print(path))
"""


def _try(*instead):
    """What became of Python in a sandbox with these arguments."""
    command, fds = _command(BUBBLEWRAP, 10, *instead)
    try:
        return subprocess.run(command, env=_environment(), pass_fds=fds, capture_output=True, timeout=60)
    finally:
        for fd in fds:
            os.close(fd)


def _command(kind, seconds, *instead, told_by=None):
    """The command line, and the file descriptors that it needs.

    instead: of the worker, for a trial; told_by: the file descriptor that is told the first process inside.
    """
    with _one_at_a_time:
        stage = _stage()
    inside = stage if kind == NOTHING else "/grader"
    worker = [f"{inside}/helpers/grading/worker.py", str(int(seconds))]
    run = [_python(), "-I", "-B", *(instead or worker)]
    if kind == NOTHING:
        return run, ()
    fds = [fd for fd in (_no_processes(), told_by) if fd is not None]
    options = ["--info-fd", str(told_by)] if told_by is not None else []
    options += ["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"]
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
    options += ["--seccomp", str(fds[0])] if fds and fds[0] != told_by else []
    return ["bwrap", *options, "--", *run], tuple(fds)


def _environment():
    """Nothing of yours: no tokens, no paths. One thread for numpy: jobs share the machine."""
    ours = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "MPLBACKEND": "Agg"}
    return ours | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _python():
    """The interpreter by a path without `..` and links, but for its own: that leads to its environment."""
    folder, name = os.path.split(sys.executable)
    return os.path.join(os.path.realpath(folder), name)


def _runtime():
    """The directories that Python and its packages live in, the outer ones first."""
    return sorted({"/usr", *map(os.path.realpath, (sys.base_prefix, sys.prefix))})


def _links():
    """The files that lead from a virtual environment's Python to the real one."""
    found, path = [], Path(_python())
    while path.is_symlink():
        target = path.parent / os.readlink(path)
        path = Path(os.path.realpath(target.parent)) / target.name
        found.append(str(path))
    within = [Path(path) for path in _runtime()]
    return [path for path in found if not any(Path(path).is_relative_to(other) for other in within)]


@functools.cache
def _hidden():
    """What of the course lies in there all the same: every installed copy, and a checkout around one."""
    roots = [Path(root) for root in _runtime()]
    packages = [
        path for root in roots for place in PACKAGES for path in root.glob(f"{place}/helpers/checking")
    ]
    found = {PACKAGE, *(path.parent for path in packages)}
    if (PACKAGE.parent / "pyproject.toml").exists():
        own = Path(os.path.realpath(sys.prefix))
        found |= {path for path in PACKAGE.parent.iterdir() if path.is_dir() and path != own}
    return sorted(str(path) for path in found if any(path.is_relative_to(root) for root in roots))


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


def put_away():
    """Remove what is on disk for the sandboxes, where Python does not end in its ordinary way."""
    if _stage.cache_info().currsize:
        _stage.directory.cleanup()


# --- No processes in the sandbox ----------------------------------------------------------------------

# architecture: its number in the kernel's audit.h, and those of clone, clone3 and socket
SYSCALLS = {"x86_64": (0xC000003E, 56, 435, 41), "aarch64": (0xC00000B7, 220, 435, 198)}
# What is refused outright: new processes; a look into other processes, such as the sandbox's first one, which
# dies with the grader only as long as nobody tells it not to; and memory that no limit of a process counts.
REFUSED = {
    "x86_64": {
        **{"fork": 57, "vfork": 58},
        **{"ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_getfd": 438},
        **{"shmget": 29, "shmat": 30, "shmctl": 31, "semget": 64, "msgget": 68},
        **{"memfd_create": 319, "memfd_secret": 447, "mq_open": 240, "userfaultfd": 323},
        **{"bpf": 321, "perf_event_open": 298, "io_uring_setup": 425, "keyctl": 250, "add_key": 248},
    },
    "aarch64": {
        **{"ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "pidfd_getfd": 438},
        **{"shmget": 194, "shmat": 196, "shmctl": 195, "semget": 190, "msgget": 186},
        **{"memfd_create": 279, "memfd_secret": 447, "mq_open": 180, "userfaultfd": 282},
        **{"bpf": 280, "perf_event_open": 241, "io_uring_setup": 425, "keyctl": 219, "add_key": 217},
    },
}
SOCKETS = (1, 2, 10)  # AF_UNIX; and AF_INET and AF_INET6, which have no network
ALLOW, KILL, REFUSE, UNKNOWN = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026  # with EPERM, with ENOSYS
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
CLONE_THREAD = 0x00010000


def _no_processes():
    """A file descriptor of a seccomp filter that allows threads and no processes; None on other machines.

    So neither a daemon nor a fork bomb can start, and the limit on one process's memory is the limit on all
    of it.
    """
    if platform.machine() not in SYSCALLS:
        return None
    arch, clone, clone3, socket = SYSCALLS[platform.machine()]
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
    for number in REFUSED[platform.machine()].values():
        lines += [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    lines += [(EQUAL, 0, 3 + len(SOCKETS), socket), (LOAD, 0, 0, 16)]  # its family
    lines += [(EQUAL, len(SOCKETS) - i, 0, family) for i, family in enumerate(SOCKETS)]
    lines += [(RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
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
