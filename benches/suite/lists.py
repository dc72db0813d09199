"""How long every list takes with 100,000 flows and what belongs to them."""

import json
import subprocess
from statistics import median
from urllib.parse import unquote

from . import machine
from .report import Section, goal
from .service import postgres

PROMISE = 50


def measure(quick=False):
    with machine.directory() as directory:
        told = {"SQLite": asked(directory)}
    with machine.directory() as directory, postgres() as db:
        told["PostgreSQL"] = asked(directory, "--postgres", db.url)
    rows = told["SQLite"]["rows"]
    section = Section(
        "Lists",
        "Every list of the OpenAPI document with the filters it has, through the HTTP router, one request at a time:"
        f" {rows['flows']:,} flows, {rows['flow_people']:,} parts that people have in them, {rows['seal_uses']:,} seal uses,"
        f" {rows['documents']:,} documents, {rows['callbacks']:,} callbacks, {rows['audit']:,} entries of the audit log. Each request"
        " 40 times after two to warm up; who asks is somebody who has much in the list. For each list median and 95th percentile of"
        " all its requests, and the median of the slowest.",
    )
    heads = ["", "requests", "SQLite: median ms", "p95", "slowest: median", "PostgreSQL: median ms", "p95", "slowest: median"]
    section.table(heads, [row(name, told) for name in names(told)])
    slow = [(engine, one) for engine, answer in told.items() for one in answer["lists"] if one["p95"] > PROMISE]
    if slow:
        section.say(f"Single requests, each with more than two of its forty times over {PROMISE} ms:")
        section.table(["", "who", "request", "items", "median ms", "p95 ms"], [
            [engine, one["username"], f"`{unquote(one['path'])}`", one["items"], f"{one['median']:.1f}", f"{one['p95']:.1f}"]
            for engine, one in sorted(slow, key=lambda pair: -pair[1]["p95"])
        ])
    section.goals(*(goal(f"{engine}: slowest list, p95 ms", max(p95(times(name, answer)) for name in names(told)), PROMISE, most=True)
                    for engine, answer in told.items()))
    return section


def asked(directory, *arguments, bench="lists"):
    path = (machine.BENCH / bench).read_text().strip()
    done = subprocess.run([path, str(directory), *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def names(told):
    return list(dict.fromkeys(one["list"] for one in told["SQLite"]["lists"]))


def row(name, told):
    cells = []
    for answer in told.values():
        all_times = times(name, answer)
        slowest = max(one["median"] for one in answer["lists"] if one["list"] == name)
        cells += [f"{median(all_times):.1f}", f"{p95(all_times):.1f}", f"{slowest:.1f}"]
    requests = [one for one in answer["lists"] if one["list"] == name]
    return [name, len(requests), *cells]


def times(name, answer):
    return sorted(time for one in answer["lists"] if one["list"] == name for time in one["times"])


def p95(times):
    """By the nearest rank."""
    return times[(len(times) * 95 + 99) // 100 - 1]
