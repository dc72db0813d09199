"""What the machine is, and what its processes use."""

import atexit
import os
import platform
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "target/bench"
CORPUS = BENCH / "corpus"
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_ms(pid):
    """Of a process, its own threads only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / TICKS


def cpu_ms_below(pid):
    """Of a process and all its children, the ended ones too."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    total = sum(int(field) for field in fields[11:15]) * 1000 / TICKS
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            try:
                total += cpu_ms_below(int(child))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return total


def peak_memory_mib(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


@contextmanager
def directory():
    """A fresh directory on the disk that the project lies on: no file system in memory. Afterwards its files are emptied,
    and removed when all is measured: ext4 without a journal looks at every inode that was freed within a minute before it
    makes a file near them, so that who is measured would pay a millisecond a photo for whoever was measured before."""
    BENCH.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="yinku-bench.", dir="/var/tmp"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    # Others (PostgreSQL's user) must be able to walk through.
    path.chmod(0o711)
    try:
        yield path
    finally:
        for file in path.rglob("*"):
            with suppress(OSError):
                if file.is_file() and not file.is_symlink():
                    os.truncate(file, 0)


def settle():
    """Nothing of what was written before is left to be written while the next is measured."""
    os.sync()


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return "not there"
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else ""


def described():
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / 2**20
    release = re.search(r'PRETTY_NAME="(.+)"', Path("/etc/os-release").read_text())
    disk = output("findmnt", "-n", "-o", "FSTYPE", "-T", "/var/tmp")
    if disk == "ext4" and not any(Path("/proc/fs/jbd2").glob("*")):
        disk += " without a journal"
    return {
        "machine": f"{os.cpu_count()} × {cpu[1] if cpu else platform.machine()}, {memory:.0f} GiB, {disk}",
        "system": f"{release[1] if release else '?'}, Linux {platform.release()}",
        "rust": output("rustc", "--version"),
        "libvips": output("vips", "--version"),
        "nginx": output("nginx", "-v"),
        "node": output("node", "--version"),
        "python": platform.python_version(),
        "commit": output("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
    }


def rounds_of(values, digits=1):
    """Median, and the two ends."""
    return "{:.{n}f} ({:.{n}f}–{:.{n}f})".format(median(values), min(values), max(values), n=digits)
