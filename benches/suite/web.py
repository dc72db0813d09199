"""How fast the pages are on the data of the demo, with the processor of the browser slowed."""

import json
import os
import subprocess
import time
from statistics import median

from . import machine
from .report import Section, goal
from .service import ask, free_port, running, wait_for

# The demo's own logins, which are public.
ADMIN, ADMIN_PASSWORD = "admin", "yinku-demo-admin"
PAINT, INTERACTION = 1000, 200


def measure(quick=False):
    with machine.directory() as directory:
        port = free_port()
        address = f"127.0.0.1:{port}"
        command = [machine.ROOT / "target/release/yinku", "demo", "--data", directory, "--listen", address]
        log = open(directory / "log", "w+")
        with running(command, cwd=directory, stdout=log, stderr=log):
            wait_for(lambda: answers(address))
            wait_for(lambda: archived(address), every=0.5)
            machine.settle()
            told = asked(f"http://{address}", 3 if quick else 5)
        log.close()
    return section(told)


def answers(address):
    try:
        return ask(address, "GET", "/healthz")
    except OSError:
        return None


def archived(address):
    login = {"username": ADMIN, "password": ADMIN_PASSWORD}
    try:
        cookie = ask(address, "POST", "/api/session", login)[1].getheader("set-cookie").split(";")[0]
    except RuntimeError:
        return None
    end = time.monotonic() + 300
    while time.monotonic() < end:
        flows = ask(address, "GET", "/api/flows", None, {"cookie": cookie})[0]["items"]
        if any(flow["state"] == "archived" for flow in flows):
            return True
        time.sleep(0.5)
    raise TimeoutError("the demo archives nothing")


def asked(base, rounds):
    script = machine.ROOT / "tests/browser/measure.mjs"
    command = ["node", script, base, ADMIN, ADMIN_PASSWORD, str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def section(told):
    section = Section(
        "Web",
        f"The pages over the release binary on the demo's data: Chromium {told['version']}, its processor slowed {told['slowed']} times,"
        " a new browser context for each load, so nothing is cached. Medians and the worst of all rounds in ms. An interaction is"
        " what the browser's event timing reports from the input to the next paint; it reports none below 16 ms.",
    )
    for title, times in (("first contentful paint", told["pages"]), ("interaction to next paint", told["acts"])):
        section.table([title, "median", "worst"], [[name, f"{median(all):.0f}", f"{max(all):.0f}"] for name, all in times.items()])
    section.goals(
        goal("slowest page, first contentful paint, median ms", max(map(median, told["pages"].values())), PAINT, most=True),
        goal("slowest act, interaction to next paint, median ms", max(map(median, told["acts"].values())), INTERACTION, most=True),
    )
    return section
