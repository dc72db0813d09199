"""What a photo costs when there are many already, and whether small seal uses wait behind a large one."""

import time
from contextlib import nullcontext
from statistics import median

from . import machine
from .report import Section, goal
from .ingest import NO_THUMBNAILS
from .service import postgres, service, vendor

STEPS = [1_000, 10_000, 100_000, 1_000_000]
BATCH, ROUNDS = 400, 9
IN_A_FLOW = 50
DETAIL = '{"code":0,"result":"' + "-" * 3000 + '"}'


def measure(quick=False):
    steps = STEPS[:3] if quick else STEPS
    section = Section(
        "Growth",
        f"{BATCH} photos of a few hundred bytes are ingested without thumbnails into a database that has so many already (rows in all"
        f" tables, {IN_A_FLOW} photos to a flow, all documents in the folder that the new ones come to), in turn with a second service"
        f" whose database has {STEPS[0]:,} to begin with; each round leaves {BATCH} more in both. Medians of {ROUNDS} rounds after one to warm"
        " up, × is the median of the rounds' ratios, lowest and highest in brackets. CPU is the service's and the database server's, with"
        " what the server does in the background.",
    )
    rows, goals = [], []
    with vendor(corpus=False) as seller:
        seen = {"SQLite": grown(seller, nullcontext, steps)}
        with postgres() as db:
            seen["PostgreSQL"] = grown(seller, db.another, steps)
    for engine, of_steps in seen.items():
        for stored, rounds in of_steps.items():
            ms, cpu = (median(grown[n] for _, grown in rounds) for n in (0, 1))
            rows.append([engine, f"{stored:,}", f"{ms:.2f}", f"{cpu:.2f}", f"{1000 / ms:.0f}",
                         *(machine.rounds_of(ratios(rounds, n), 2) for n in (0, 1))])
        last = of_steps[steps[-1]]
        goals += [
            goal(f"{engine}: time a photo, {steps[-1]:,} against {steps[0]:,}, ×", median(ratios(last, 0)), 1.2, most=True),
            goal(f"{engine}: CPU a photo, ×", median(ratios(last, 1)), 1.2, most=True),
        ]
    section.table(["", "photos stored", "ms a photo", "CPU ms a photo", "photos/s", "× time", "× CPU"], rows)
    section.goals(*goals)
    return section


def grown(seller, database, steps):
    """For each step rounds of two costs: with few photos, and with so many."""
    seen, stored = {}, 0
    with database() as db, service(seller, db, NO_THUMBNAILS) as yinku:
        folder = begun(yinku)
        for step in steps:
            fill(yinku, folder, stored, step)
            stored = step
            with database() as few, service(seller, few, NO_THUMBNAILS) as small:
                fill(small, begun(small), 0, steps[0])
                seen[step] = in_turn(small, yinku)
    return seen


def begun(yinku):
    """The folder that photos come to."""
    yinku.ingest(f"tiny {IN_A_FLOW}")
    return yinku.db.rows("SELECT folder_id FROM documents LIMIT 1")[0][0]


def in_turn(small, grown):
    cost(small), cost(grown)
    rounds = []
    for n in range(ROUNDS):
        first, second = (small, grown) if n % 2 else (grown, small)
        costs = {first: cost(first), second: cost(second)}
        rounds.append((costs[small], costs[grown]))
    return rounds


def cost(yinku):
    """Milliseconds a photo, CPU milliseconds a photo."""
    run = yinku.ingest(f"tiny {BATCH}")
    return 1000 * run["seconds"] / run["photos"], (run["cpu_ms"] + run["db_cpu_ms"]) / run["photos"]


def ratios(rounds, n):
    return [grown[n] / small[n] for small, grown in rounds]


def fill(yinku, folder, start, end):
    """Rows of archived flows, as if they had been ingested; photos numbered from `start` to `end`."""
    sqlite = yinku.db.name == "SQLite"

    def padded(number, width=12):
        return f"printf('%0{width}d', {number})" if sqlite else f"lpad(CAST({number} AS TEXT), {width}, '0')"

    def id(number):
        return f"'01900000-0000-7000-8000-' || {padded(number)}"

    # Scattered, as hashes are; no two alike because the factor is odd.
    scattered = "(i * 2654435761) % 4294967296"
    scattered = f"printf('%08x', {scattered})" if sqlite else f"lpad(to_hex({scattered}), 8, '0')"
    hash = f"{scattered} || {padded('i', 56)}"
    at = "1700000000000000 + i * 1000000"
    bytes = "BLOB" if sqlite else "BYTEA"
    form = '{"subject":"corpus 50","company":"印库","seals":[{"seal":"QYS2019040001","count":50,"users":["wang"]}]}'
    flow = f"i / {IN_A_FLOW}"

    def each(first, last, table, columns, values):
        numbers = f"WITH RECURSIVE n(i) AS (SELECT CAST({first} AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {last})"
        return f"{numbers} INSERT INTO {table} ({columns}) SELECT {values} FROM n"

    flows = (start // IN_A_FLOW, end // IN_A_FLOW)
    of_flow = [
        ("flows", "id, list_key, serial_no, definition_id, version, title, starter, state, form, photo_no, manifest_no, created_at, updated_at, archived_at",
         f"{id('i')}, {id('i')}, 'B' || {padded('i')}, '{yinku.definition}', 1, '用印', 'admin', 'archived', '{form}', {IN_A_FLOW}, 1, {at}, {at}, {at}"),
        ("flow_events", "id, flow_id, at, actor, act", f"{id('2 * i')}, {id('i')}, {at}, 'admin', 'started'"),
        ("flow_events", "id, flow_id, at, actor, act", f"{id('2 * i + 1')}, {id('i')}, {at}, 'yinku', 'archived'"),
        ("flow_people", "flow_id, list_key, who, state, definition_id", f"{id('i')}, {id('i')}, 'user:admin', 'archived', '{yinku.definition}'"),
        ("seal_uses", "id, flow_id, service_id, no, serial_no, business_id, status, application, asked_at, detail, detail_at, ended_at, created_at",
         f"{id('i')}, {id('i')}, '{yinku.service_id}', 1, 'B' || {padded('i')} || '-1', CAST(1000000 + i AS TEXT), 'complete', '{{}}', {at}, '{DETAIL}', {at}, {at}, {at}"),
        ("grants", "id, seal_use_id, vendor_id, position, seal, user_name, applied, used, left_count, complete",
         f"{id('i')}, {id('i')}, '1', 0, '公章', '王五', {IN_A_FLOW}, {IN_A_FLOW}, 0, TRUE"),
        ("ingests", "id, seal_use_id, cause, state, passes, woken_at, created_at, updated_at",
         f"{id('i')}, {id('i')}, 'callback', 'done', 1, {at}, {at}, {at}"),
        ("callbacks", "id, received_at, authenticated, peer, query, body, body_bytes, body_sha256, shape, business_id, images, digest, params, state, seal_use_id",
         f"{id('i')}, {at}, TRUE, '127.0.0.1', '', CAST('businessId=1000000&status=COMPLETE' AS {bytes}), 34, {hash}, 'use_ended', CAST(1000000 + i AS TEXT), 0, 'd' || {padded('i')}, '{{}}', 'done', {id('i')}"),
        ("jobs", "id, kind, subject, state, run_at, wakes, created_at", f"{id('3 * i')}, 'apply', {id('i')}, 'idle', {at}, 1, {at}"),
        ("jobs", "id, kind, subject, state, run_at, wakes, created_at", f"{id('3 * i + 1')}, 'ingest', {id('i')}, 'idle', {at}, 1, {at}"),
        ("jobs", "id, kind, subject, state, run_at, wakes, created_at", f"{id('3 * i + 2')}, 'archive', {id('i')}, 'idle', {at}, 1, {at}"),
        ("manifests", "flow_id, n, store_key, hash, documents, told, created_at", f"{id('i')}, 1, 'manifests/' || {padded('i')}, {hash}, {IN_A_FLOW}, {IN_A_FLOW}, {at}"),
    ]
    of_flow.append(("search_owners", "no, owner, text", f"i, {id('i')}, 'b' || {padded('i')} || ' 用印 公章 王五'"))
    for term in ["", "b0", "用印", "印 ", "公章", "章 ", "王五", "五 ", "_公", "章_", "_用", ".j", "jp", "pg", "g ", "2026", "20260409", "091853"]:
        of_flow.append(("search_terms", "term, no", f"'f{term}', i"))
    of_photo = [
        ("originals", "hash, sha256, sm3, crc32, bytes, mime, ext, width, height, complete, store_key, created_at, checked_at",
         f"{hash}, {hash}, {hash}, 1, 1900000, 'image/jpeg', 'jpg', 3000, 2250, TRUE, 'originals/' || {hash}, {at}, {at}"),
        ("photos", "id, seal_use_id, photokey, kind, grant_id, source, position, state, original_hash, no, received_at, created_at, confirmation",
         f"{id('i')}, {id(flow)}, 'k' || {padded('i')}, 'signatory', {id(flow)}, 'key', i % {IN_A_FLOW}, 'done', {hash}, i % {IN_A_FLOW} + 1, {at}, {at}, 'confirmed'"),
        ("documents", "id, folder_id, shelf, name, original_hash, source, flow_id, field_key, position, photo_id, kind, seal, user_name,"
         " received_at, taken_key, name_key, bytes, created_by, created_at",
         f"{id('i')}, '{folder}', 'folder', 'B' || {padded('i')} || '_公章_1_20260409-091853_用印.jpg', {hash}, 'photo', {id(flow)}, 'photos', i % {IN_A_FLOW}, {id('i')},"
         f" 'signatory', '公章', '王五', {at}, {at}, 'b' || {padded('i')}, 1900000, 'yinku', {at}"),
    ]
    statements = [each(*flows, *table) for table in of_flow] + [each(start, end, *table) for table in of_photo]
    yinku.db.script("; ".join(statements))


def fairness(quick=False):
    small, large, repeats = 5, 5_000, 10
    with vendor() as seller, service(seller) as yinku:
        yinku.ingest(f"corpus {small}")
        alone = [yinku.ingest(f"corpus {small}")["seconds"] for _ in range(repeats)]
        _, business = yinku.start(f"corpus {large}")
        yinku.call_back(business)
        time.sleep(3)
        behind = [yinku.ingest(f"corpus {small}")["seconds"] for _ in range(repeats)]
        left = yinku.db.rows("SELECT COUNT(*) FROM photos WHERE state <> 'done'")[0][0]
    section = Section(
        "Small seal uses behind a large one",
        f"A seal use of {small} photos, from its callback to its last row, {repeats} times one after another: with nothing else to do, and"
        f" while one of {large:,} photos of the same vendor is being ingested ({left:,} of its photos were still to come at the end).",
    )
    rows = [[name, *(f"{1000 * value:.0f}" for value in (median(times), min(times), max(times)))] for name, times in
            (("alone", alone), ("behind", behind))]
    section.table(["", "median ms", "fastest", "slowest"], rows)
    if not left:
        section.say("The large seal use ended too soon: this shows nothing.")
    section.goals(
        goal("median behind, × median alone", median(behind) / median(alone), 3, most=True),
        goal("slowest behind, × median alone", max(behind) / median(alone), None),
    )
    return section
