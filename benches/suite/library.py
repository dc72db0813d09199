"""How long searches and lists of the knowledge base take with a million documents, and with ten million on SQLite."""

from . import machine
from .lists import asked, p95
from .report import Section, goal
from .service import postgres

MANY, MORE, FEW = 1_000_000, 10_000_000, 10_000
PROMISE, WORST = 50, 100
# One walk of an index over all documents.
WALKS, WALK = ("space, another sort: at", "space, a filter: total"), 500


def measure(quick=False):
    many = FEW if quick else MANY
    with machine.directory() as directory:
        told = {"SQLite": asked(directory, "--documents", str(many), bench="library")}
    with machine.directory() as directory, postgres() as db:
        told["PostgreSQL"] = asked(directory, "--postgres", db.url, "--documents", str(many), bench="library")
    if not quick:
        with machine.directory() as directory:
            told[f"SQLite, {MORE:,}"] = asked(directory, "--documents", str(MORE), bench="library")
    rows = told["SQLite"]["rows"]
    section = Section(
        "Knowledge base",
        f"Searches and lists through the HTTP router, one request at a time: {rows['documents']:,} documents, {rows['flows']:,} flows,"
        f" {rows['folders']:,} folders, of which one has a tenth of the documents. Each request 40 times after two to warm up: as an"
        " administrator, as an archivist, and as a member who takes part in some flows. Median, 95th percentile and worst of the three.",
    )
    heads = [""]
    for engine in told:
        heads += [f"{engine}: median ms", "p95", "worst"]
    names = list(dict.fromkeys(one["list"] for one in told["SQLite"]["lists"]))
    section.table(heads, [[name, *(cell for answer in told.values() for cell in cells(name, answer))] for name in names])
    section.table(
        ["search index", "owners", "terms", "bytes a flow", "made in s"],
        [[engine, f"{answer['rows']['search_owners']:,}", f"{answer['rows']['search_terms']:,}",
          f"{answer['index_bytes'] / answer['rows']['flows']:,.0f}", f"{answer['indexed']:.0f}"] for engine, answer in told.items()],
    )
    measured = [(engine, answer) for engine, answer in told.items() if not engine.endswith(f"{MORE:,}")]
    quick = lambda answer: [one for one in answer["lists"] if one["list"] not in WALKS]
    walks = lambda answer: [one for one in answer["lists"] if one["list"] in WALKS]
    section.goals(
        *(goal(f"{engine}: slowest request, p95 ms", max(one["p95"] for one in quick(answer)), PROMISE, most=True)
          for engine, answer in measured),
        *(goal(f"{engine}: worst of all, ms", max(max(one["times"]) for one in quick(answer)), WORST, most=True)
          for engine, answer in measured),
        *(goal(f"{engine}: `total` and `at` that walk all, p95 ms", max(one["p95"] for one in walks(answer)), WALK, most=True)
          for engine, answer in measured),
    )
    return section


def cells(name, answer):
    times = sorted(time for one in answer["lists"] if one["list"] == name for time in one["times"])
    return f"{times[len(times) // 2]:.1f}", f"{p95(times):.1f}", f"{times[-1]:.1f}"
