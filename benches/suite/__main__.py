"""python -m suite PART…: measures, prints, and writes target/bench/report.md and one file for each part."""

import signal
import sys
import time
import traceback

from . import bundles, callbacks, growth, ingest, library, lists, machine, moves, quality, reading, web
from .report import Section

PARTS = {
    "ingest": ingest.measure,
    "quality": quality.measure,
    "callbacks": callbacks.measure,
    "growth": growth.measure,
    "fairness": growth.fairness,
    "reading": reading.measure,
    "bundles": bundles.measure,
    "lists": lists.measure,
    "library": library.measure,
    "moves": moves.measure,
    "web": web.measure,
}


def measured(name, quick):
    begun = time.monotonic()
    print(f"\n== {name}", flush=True)
    try:
        section = PARTS[name](quick)
    except Exception:  # A part that breaks must not keep the others from being measured.
        traceback.print_exc()
        section = Section(name.capitalize(), "Could not be measured:\n\n```\n" + traceback.format_exc() + "```")
        section.broken = True
    print(section.markdown(), flush=True)
    print(f"({name}: {time.monotonic() - begun:.0f} s)", flush=True)
    (machine.BENCH / f"part-{name}.md").write_text(section.markdown())
    return section


def main():
    # So that what was started is ended and what was written removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    arguments = sys.argv[1:]
    quick = "--quick" in arguments
    # These take half an hour, so they are measured when they are named.
    names = [name for name in arguments if name != "--quick"] or [name for name in PARTS if name not in ("library", "moves")]
    if unknown := [name for name in names if name not in PARTS]:
        sys.exit(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    begun = time.monotonic()
    sections = [measured(name, quick) for name in names]
    facts = "\n".join(f"* {name}: {value}" for name, value in machine.described().items())
    minutes = (time.monotonic() - begun) / 60
    text = f"Measured {time.strftime('%Y-%m-%d')} in {minutes:.0f} minutes.\n\n{facts}\n* pictures: {(machine.CORPUS / 'complete').read_text()}\n"
    (machine.BENCH / "report.md").write_text(text + "\n" + "\n".join(section.markdown() for section in sections))
    goals = [goal for section in sections for goal in section.all_goals if goal["met"] is not None]
    met = sum(goal["met"] for goal in goals)
    print(f"\n{met} of {len(goals)} goals met, {minutes:.1f} minutes; the report is target/bench/report.md")
    if any(getattr(section, "broken", False) for section in sections):
        sys.exit(1)


main()
