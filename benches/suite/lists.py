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
        " 40 times after two to warm up; who asks is somebody who has much in the list. For each list the median of its requests'"
        " medians, and its slowest request.",
    )
    heads = ["", "requests", "SQLite: median ms", "slowest: median", "p95", "PostgreSQL: median ms", "slowest: median", "p95"]
    section.table(heads, [row(name, told) for name in names(told)])
    slow = [(engine, one) for engine, answer in told.items() for one in answer["lists"] if one["p95"] > PROMISE]
    if slow:
        section.say(f"Over {PROMISE} ms at the 95th percentile:")
        section.table(["", "who", "request", "items", "median ms", "p95 ms"], [
            [engine, one["username"], f"`{unquote(one['path'])}`", one["items"], f"{one['median']:.1f}", f"{one['p95']:.1f}"]
            for engine, one in sorted(slow, key=lambda pair: -pair[1]["p95"])
        ])
    section.goals(*(goal(f"{engine}: slowest list, p95 ms", max(one["p95"] for one in answer["lists"]), PROMISE, most=True)
                    for engine, answer in told.items()))
    return section


def asked(directory, *arguments):
    path = (machine.BENCH / "lists").read_text().strip()
    done = subprocess.run([path, str(directory), *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def names(told):
    return list(dict.fromkeys(one["list"] for one in told["SQLite"]["lists"]))


def row(name, told):
    cells = []
    for answer in told.values():
        requests = [one for one in answer["lists"] if one["list"] == name]
        slowest = max(requests, key=lambda one: one["p95"])
        cells += [f"{median(one['median'] for one in requests):.1f}", f"{slowest['median']:.1f}", f"{slowest['p95']:.1f}"]
    return [name, len(requests), *cells]
