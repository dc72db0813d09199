"""Callbacks while many documents are moved, on both engines."""

import threading
import time

from .report import Section, goal
from .service import PATIENCE, ask, postgres, service, tool, vendor

MANY, FEW = 100_000, 2_000
RATE, SLICE = 100, 3
PROMISE = 50


def measure(quick=False):
    count = FEW if quick else MANY
    section = Section(
        "Moves",
        f"One request moves {count:,} documents to another folder. Meanwhile {RATE} callbacks a second come in. Latency is counted from"
        f" when a callback should have been sent, open loop, until the answer, which comes after the commit; in slices of {SLICE} s.",
    )
    rows, goals = [], []
    with vendor() as seller:
        for engine in ("SQLite", "PostgreSQL"):
            told = on(engine, seller, count)
            worst = max(one["p99_ms"] for one in told["slices"])
            rows.append([engine, f"{told['alone']['p99_ms']:.1f}", f"{told['seconds']:.1f}", f"{worst:.1f}",
                         f"{max(one['max_ms'] for one in told['slices']):.0f}", sum(one["failed"] for one in told["slices"])])
            goals.append(goal(f"{engine}: callbacks, p99 ms of the worst slice", worst, PROMISE, most=True))
    section.table(["", "p99 ms before", "the move, s", "p99 ms meanwhile, worst slice", "max ms", "failed"], rows)
    section.goals(*goals)
    return section


def on(engine, seller, count):
    if engine == "SQLite":
        with service(seller) as yinku:
            return both(yinku, count)
    with postgres() as db, service(seller, db) as yinku:
        return both(yinku, count)


def both(yinku, count):
    yinku.ingest("corpus 20")
    source = yinku.db.rows("SELECT folder_id FROM documents")[0][0]
    many, target = (yinku.post("/api/folders", {"space": "public", "name": name})["id"] for name in ("many", "target"))

    def changed(act, folder, to):
        body = {"list": {"folderId": folder}, "folderId": to}
        return ask(yinku.address, "POST", f"/api/documents/{act}", body, yinku.headers, patience=PATIENCE)[0]["done"]

    have = changed("copy", source, many)
    while have < count:
        have += changed("copy", many, many)
    business = yinku.start("open 0")[1]
    slices, moved = [], {}
    load = lambda: tool("callbacks", yinku.address, "--businesses", business, "--rate", RATE, "--seconds", SLICE)
    alone = load()

    def move():
        begun = time.monotonic()
        moved["done"] = changed("move", many, target)
        moved["seconds"] = time.monotonic() - begun

    moving = threading.Thread(target=move)
    moving.start()
    while moving.is_alive():
        slices.append(load())
    moving.join()
    if moved.get("done") != have:
        raise RuntimeError(f"moved {moved}, not {have}")
    return {"alone": alone, "slices": slices, "seconds": moved["seconds"]}
