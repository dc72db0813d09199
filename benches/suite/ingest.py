"""The whole ingest beside its peers: alternating rounds, each on a fresh directory."""

import json
import subprocess
import time
from statistics import median

from . import machine
from .report import Section, goal
from .service import service, tool, vendor

ROUNDS = 5
NO_THUMBNAILS = {"YINKU_INGEST__MAX_PIXELS": "1"}


def peer(command, vendor, business):
    with machine.directory() as directory:
        machine.settle()
        done = subprocess.run([*map(str, command), vendor.url, business, directory / "data"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)


def sharp(vendor, count):
    command = ["node", machine.BENCH / "peers/sharp/ingest.mjs"]
    return peer(command, vendor, vendor.business(f"corpus {count}"))


def pyvips(vendor, count):
    command = [machine.BENCH / "pyvips-venv/bin/python", machine.ROOT / "benches/peers/pyvips/ingest.py"]
    return peer(command, vendor, vendor.business(f"corpus {count}"))


def vipsthumbnail(sizes):
    """Two processes at a time, a few dozen files each, from local files to local files, nothing synced. Colour profiles
    stay as they are: converting costs it more than all the rest."""
    files = sorted(str(file) for file in machine.CORPUS.glob("[0-9]*"))
    with machine.directory() as directory:
        machine.settle()
        begun, cpu = time.perf_counter(), machine.os.times()
        for size in sizes:
            command = ["xargs", "-P2", "-n28", "env", "VIPS_CONCURRENCY=1", "vipsthumbnail", "--size", f"{size}x{size}>",
                       "-o", f"{directory}/%s-{size}.jpg[Q=80]"]
            subprocess.run(command, input="\n".join(files), text=True, check=True)
        seconds, used = time.perf_counter() - begun, machine.os.times()
        made = len(list(directory.glob("*.jpg")))
        if made != len(files) * len(sizes):
            raise RuntimeError(f"vipsthumbnail made {made} of {len(files) * len(sizes)}")
        cpu = used.children_user + used.children_system - cpu.children_user - cpu.children_system
        return {"photos": len(files), "seconds": seconds, "cpu_ms": cpu * 1e3}


def ours(vendor, subject, settings=None):
    with service(vendor, settings=settings) as yinku:
        return yinku.ingest(subject)


def measure(quick=False):
    count = len(list(machine.CORPUS.glob("[0-9]*")))
    rounds = 2 if quick else ROUNDS
    with vendor() as seller:
        contestants = {
            "yinku, whole ingest": lambda: ours(seller, f"corpus {count}"),
            "yinku, the same without thumbnails": lambda: ours(seller, f"corpus {3 * count}", NO_THUMBNAILS),
            "vipsthumbnail, both sizes, local files": lambda: vipsthumbnail([1280, 256]),
            "vipsthumbnail, 256 px alone, local files": lambda: vipsthumbnail([256]),
            "our thumbnails alone, from memory": lambda: tool(
                "thumbnails", machine.CORPUS, "--sizes", "256,1280", "--threads", 2, "--repeat", 1),
            "Node service on sharp, whole ingest": lambda: sharp(seller, count),
            "Python service on pyvips, whole ingest": lambda: pyvips(seller, count),
        }
        seen = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, run in contestants.items():
                seen[name].append(run())
        memory = {n: ours(seller, f"mp12 {n}") for n in (50, 500)}
    return told(seen, memory, rounds, count)


def told(seen, memory, rounds, count):
    rate = {name: [run["photos"] / run["seconds"] for run in runs] for name, runs in seen.items()}
    cpu = {name: median(run["cpu_ms"] / run["photos"] for run in runs) for name, runs in seen.items() if "cpu_ms" in runs[0]}
    whole, without, both, small, alone, node, python = seen
    section = Section("Whole ingest", f"{count} pictures, medians of {rounds} alternating rounds, lowest and highest in brackets.")
    rows = []
    for name, runs in seen.items():
        megabytes = median(run["mb"] / run["seconds"] for run in runs) if "mb" in runs[0] else None
        peak = max((run.get("memory_mib") or run.get("memory", 0) / 2**20) for run in runs)
        rows.append([name, machine.rounds_of(rate[name]), f"{megabytes:.0f}" if megabytes else "",
                     f"{cpu[name]:.1f}" if name in cpu else "", f"{peak:.0f}" if peak else ""])
    section.table(["", "photos/s", "MB/s", "CPU ms a photo", "peak memory MiB"], rows)

    def times(other):
        return median(a / b for a, b in zip(rate[whole], rate[other]))

    section.goals(
        goal("× vipsthumbnail, both sizes (a)", times(both), 2.5),
        goal("× vipsthumbnail, 256 px alone (a′)", times(small), 1.0),
        goal("× our thumbnails alone from memory (b)", times(alone), 0.82),
        goal("× Node service on sharp (c)", times(node), 2.1),
        goal("× Python service on pyvips (d)", times(python), None),
        goal("CPU of everything but thumbnails, % of all", 100 * cpu[without] / cpu[whole], 5, most=True),
        goal("photos/s without thumbnails", median(rate[without]), 500),
        goal("peak memory, MiB, 500 photos of 12 megapixels", memory[500]["memory_mib"], 300, most=True),
        goal("the same against 50 of them, ×", memory[500]["memory_mib"] / memory[50]["memory_mib"], 1.1, most=True),
    )
    large = memory[500]
    section.say(f"500 photos of 12 megapixels: {500 / large['seconds']:.1f} photos/s, {large['mb'] / large['seconds']:.0f} MB/s.")
    return section
