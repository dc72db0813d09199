"""Callbacks: a steady stream, a burst, and what they cost a running ingest; on both engines."""

import threading

from . import machine
from .report import Section, goal
from .service import Sqlite, postgres, service, tool, vendor

OPEN_USES = 50
RATE, SECONDS = 500, 30
BURST, CONNECTIONS = 10_000, 200


def measure(quick=False):
    section = Section(
        "Callbacks",
        f"To {OPEN_USES} open seal uses, each callback another text (form-encoded, remaining count). Each is one row and wakes an"
        " ingest, which asks the vendor for the detail; that work runs meanwhile. Latency is counted from when a callback should"
        " have been sent, open loop, until the answer, which comes after the commit.",
    )
    rows, goals = [], []
    with vendor() as seller:
        for engine in ("SQLite", "PostgreSQL"):
            row, its_goals = on(engine, seller, 8 if quick else SECONDS)
            rows.append(row)
            goals += its_goals
    section.table(
        ["", f"{RATE}/s: p50 ms", "p99 ms", "max ms", f"burst of {BURST}: callbacks/s", "p99 ms", "asked to come again", "rows missing",
         "ingest alone, photos/s", f"ingest beside {RATE}/s", "kept, %", "p99 ms beside the ingest"],
        rows,
    )
    section.goals(*goals)
    return section


def on(engine, seller, seconds):
    if engine == "SQLite":
        with service(seller) as yinku:
            return both(engine, yinku, seconds)
    with postgres() as db, service(seller, db) as yinku:
        return both(engine, yinku, seconds)


def both(engine, yinku, seconds):
    businesses = ",".join(yinku.start("open 0")[1] for _ in range(OPEN_USES))
    wanted = rows_now(yinku)
    steady = tool("callbacks", yinku.address, "--businesses", businesses, "--rate", RATE, "--seconds", seconds)
    wanted += steady["answered"]
    burst = tool("burst", yinku.address, "--businesses", businesses, "--count", BURST, "--connections", CONNECTIONS)
    wanted += burst["answered"]
    missing = wanted - rows_now(yinku)
    missing += burst["sent"] - burst["answered"]
    photos = len(list(machine.CORPUS.glob("[0-9]*")))
    alone, beside, latency = [], [], []
    for _ in range(2):
        alone.append(yinku.ingest(f"corpus {photos}"))
        run, storm = beside_callbacks(yinku, businesses, photos, alone[-1]["seconds"])
        beside.append(run)
        latency.append(storm["p99_ms"])
    speed = lambda runs: sum(run["photos"] for run in runs) / sum(run["seconds"] for run in runs)
    kept = 100 * speed(beside) / speed(alone)
    row = [engine, f"{steady['p50_ms']:.1f}", f"{steady['p99_ms']:.1f}", f"{steady['max_ms']:.0f}",
           f"{burst['answered'] / burst['seconds']:.0f}", f"{burst['p99_ms']:.0f}", burst["busy"], missing,
           f"{speed(alone):.1f}", f"{speed(beside):.1f}", f"{kept:.0f}", f"{max(latency):.1f}"]
    goals = [
        goal(f"{engine}: p99 at {RATE}/s, ms", steady["p99_ms"], 20, most=True),
        goal(f"{engine}: callbacks lost of {steady['sent'] + burst['sent']}", missing + steady["failed"] + burst["failed"], 0, most=True),
        goal(f"{engine}: speed an ingest keeps, %", kept, 80),
    ]
    return row, goals


def rows_now(yinku):
    return yinku.db.rows("SELECT COUNT(*) FROM callbacks")[0][0]


def beside_callbacks(yinku, businesses, photos, expected):
    """An ingest while callbacks come in for as long as it takes."""
    storm = {}
    seconds = max(3, round(expected * 1.6))

    def load():
        storm.update(tool("callbacks", yinku.address, "--businesses", businesses, "--rate", RATE, "--seconds", seconds))

    loading = threading.Thread(target=load)
    seal_use, business = yinku.start(f"corpus {photos}")
    machine.settle()
    loading.start()
    yinku.call_back(business)
    took = yinku.finished(seal_use)
    loading.join()
    return {"photos": photos, "seconds": took}, storm
