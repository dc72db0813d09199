"""Bundles beside nginx and what sends several files as one zip; how soon their first byte comes; evidence packages."""

import json
import os
import subprocess
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from statistics import median
from urllib.parse import quote

from . import machine
from .reading import listens
from .report import Section, goal
from .service import ask, definition, free_port, running, service, tool, vendor, wait_for

PEERS = machine.BENCH / "peers"
ROUNDS = 3
SECONDS = 2
MIB = 1 << 20

NGINX = """
daemon off; worker_processes auto; pid {directory}/pid; user root;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; types {{ application/zip zip; }}
  client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  server {{ listen 127.0.0.1:{port}; root {directory}; }}
}}
"""


def measure(quick=False):
    section = Section("Bundles")
    speed(section, quick)
    bucket(section, quick)
    many_entries(section, quick)
    evidence(section, quick)
    verify_page(section, quick)
    return section


# How fast


def speed(section, quick):
    """One selection of photos: ours, nginx with the same zip as a ready file, and what makes a zip while it leaves."""
    with vendor() as seller, service(seller) as yinku, machine.directory() as directory:
        yinku.ingest(f"corpus {20 if quick else 220}")
        bundle = made(yinku)
        save(yinku, bundle["url"], directory / "all.zip")
        keys = [key for (key,) in yinku.db.rows("SELECT store_key FROM originals ORDER BY hash")]
        (directory / "files").write_text("\n".join(str(yinku.directory / "store" / key) for key in keys))
        with peers(directory) as others:
            contestants = {"yinku": (yinku.address, bundle["url"], ["--bearer", yinku.token], yinku.pid), **others}
            told = rounds(contestants, directory, 1 if quick else ROUNDS)
        memory = machine.peak_memory_mib(yinku.pid)
    section.say(
        f"{len(keys)} photos, {bundle['bytes'] / 1e6:.0f} MB, as one zip over loopback; the same client, which asks again when a"
        f" download ends, for at least {SECONDS} s; medians of {1 if quick else ROUNDS} alternating rounds. nginx sends the same zip as a"
        " ready file and checks no rights. `zipstream-ng` behind a Python server and `archiver` on Node make the zip while"
        " it leaves, as careful services on them do (`benches/peers`); their download cannot be resumed. Debian has no mod_zip for"
        " nginx. CPU is that of the server's processes for each GB sent."
    )
    table_of_speed(section, told)
    section.say(f"Peak memory of the service: {memory:.0f} MiB.")
    goals = []
    for connections in (1, 8):
        ours = told["yinku", connections][0]
        wanted = {"nginx, ready file": 1.0 if connections == 1 else None, "zipstream-ng": 2.0, "archiver": 2.0}
        goals += [goal(f"{connections} connections, × {peer}", ours / told[peer, connections][0], most)
                  for peer, most in wanted.items()]
    section.goals(*goals)


def table_of_speed(section, told):
    rows = [[who, connections, f"{rate:.0f}", f"{cpu:.0f}"] for (who, connections), (rate, cpu) in told.items()]
    section.table(["", "connections", "MB/s", "CPU ms for each GB"], rows)


def rounds(contestants, directory, count):
    """For each contestant and number of connections: megabytes a second, and milliseconds of CPU for each gigabyte."""
    told = {}
    for connections in (1, 8):
        seen = {who: [] for who in contestants}
        for _ in range(count):
            for who, (address, paths, more, pid) in contestants.items():
                (directory / "asked").write_text(paths)
                common = ["--connections", connections, "--seconds", SECONDS, *more]
                cpu = machine.cpu_ms_below(pid)
                run = tool("reading", address, directory / "asked", *common)
                seen[who].append((run["bytes"] / run["seconds"] / 1e6, (machine.cpu_ms_below(pid) - cpu) / (run["bytes"] / 1e9)))
        for who, runs in seen.items():
            told[who, connections] = tuple(median(figures) for figures in zip(*runs))
    return told


@contextmanager
def peers(directory):
    """Address, path, the client's options and process of each."""
    ports = [free_port() for _ in range(3)]
    (directory / "nginx.conf").write_text(NGINX.format(directory=directory, port=ports[0]))
    nginx = ["nginx", "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(directory / "nginx.conf")]
    python = machine.BENCH / "zipstream-venv/bin/python"
    files = str(directory / "files")
    with (
        running(nginx) as one,
        running([python, machine.ROOT / "benches/peers/zipstream/serve.py", files, str(ports[1])]) as two,
        running(["node", PEERS / "archiver/serve.mjs", files, str(ports[2])]) as three,
    ):
        addresses = [f"127.0.0.1:{port}" for port in ports]
        wait_for(lambda: all(map(listens, addresses)))
        yield {
            "nginx, ready file": (addresses[0], "/all.zip", [], one.pid),
            "zipstream-ng": (addresses[1], "/", [], two.pid),
            "archiver": (addresses[2], "/", ["--until-close"], three.pid),
        }


def bucket(section, quick):
    """The same from an S3 server on this machine, beside reading the same objects from it without a service between."""
    with s3() as endpoint, vendor() as seller, machine.directory() as directory:
        ask(endpoint, "PUT", "/bench")
        settings = {"YINKU_STORE__URL": "s3://bench/store", "YINKU_STORE__ENDPOINT": f"http://{endpoint}",
                    "YINKU_STORE__ALLOW_HTTP": "true", "YINKU_STORE__ACCESS_KEY_ID": "test", "YINKU_STORE__SECRET_ACCESS_KEY": "test"}
        with service(seller, settings=settings) as yinku:
            yinku.ingest(f"corpus {10 if quick else 60}")
            bundle = made(yinku)
            keys = [key for (key,) in yinku.db.rows("SELECT store_key FROM originals")]
            objects = "\n".join(quote(f"/bench/store/{key}") for key in keys)
            contestants = {"yinku": (yinku.address, bundle["url"], ["--bearer", yinku.token], yinku.pid),
                           # Without a signature the server wants the header at least.
                           "the objects alone": (endpoint, objects, ["--bearer", "none", "--until-close"], yinku.pid)}
            told = rounds(contestants, directory, 1 if quick else ROUNDS)
    section.say(
        f"The store in a bucket (moto, on the same two cores): a bundle of {len(keys)} photos, {bundle['bytes'] / 1e6:.0f} MB, beside"
        " reading the same objects straight from the bucket, one after the other on each connection. CPU is that of the service."
    )
    table_of_speed(section, {key: value for key, value in told.items() if key[0] == "yinku"} |
                   {key: (value[0], 0.0) for key, value in told.items() if key[0] != "yinku"})
    section.goals(*(goal(f"bucket, {connections} connections, × the objects alone",
                         told["yinku", connections][0] / told["the objects alone", connections][0], None) for connections in (1, 8)))


@contextmanager
def s3():
    port = free_port()
    command = [machine.ROOT / "target/.venv/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        wait_for(lambda: listens(f"127.0.0.1:{port}"))
        yield f"127.0.0.1:{port}"


# How soon


def first_byte(address, path, token, patience=0):
    """Seconds from the request to the first byte of the zip. With patience the request is repeated while it is being made."""
    begun = time.monotonic()
    while True:
        connection = HTTPConnection(address, timeout=60)
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        if answer.status == 200:
            answer.read(1)
            taken = time.monotonic() - begun
            connection.close()
            return taken
        told = answer.read().decode()
        connection.close()
        if answer.status != 503 or time.monotonic() - begun > patience:
            raise RuntimeError(f"{path}: {answer.status} {told}")


def made(yinku):
    flow = yinku.db.rows("SELECT id FROM flows")[0][0]
    return yinku.post("/api/bundles", {"flowIds": [flow]})


def save(yinku, path, file):
    connection = HTTPConnection(yinku.address, timeout=600)
    connection.request("GET", path, headers=yinku.headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    with open(file, "wb") as written:
        while chunk := answer.read(MIB):
            written.write(chunk)
    connection.close()


# Each new row is another name of an original that is there.
MULTIPLY = """
INSERT INTO documents (id, folder_id, shelf, name, name_key, taken_key, bytes, original_hash, source, flow_id, received_at, created_by, created_at)
WITH RECURSIVE n (at) AS (SELECT 0 UNION ALL SELECT at + 1 FROM n WHERE at + 1 < {count}),
  have AS (SELECT ROW_NUMBER() OVER (ORDER BY id) - 1 AS place, * FROM documents WHERE photo_id IS NOT NULL)
SELECT printf('01930000-%04x-7000-8000-%012x', n.at / 65536, n.at), have.folder_id, have.shelf, printf('名 %06d.jpg', n.at), have.name_key,
  have.taken_key, have.bytes, have.original_hash, have.source, NULL, have.received_at, have.created_by, have.created_at
FROM n JOIN have ON have.place = n.at % {photos}
"""


def many_entries(section, quick):
    count, photos = (2_000, 10) if quick else (100_000, 20)
    with vendor() as seller, service(seller) as yinku:
        yinku.ingest(f"corpus {photos}")
        yinku.db.script(MULTIPLY.format(count=count - photos, photos=photos))
        folder = yinku.db.rows("SELECT folder_id FROM documents")[0][0]
        making, soon, cold = [], [], []
        for _ in range(3 if quick else 5):
            begun = time.monotonic()
            bundle = yinku.post("/api/bundles", {"folderId": folder})
            making.append(time.monotonic() - begun)
            soon.append(first_byte(yinku.address, bundle["url"], yinku.token))
            with another_node(yinku) as address:
                cold.append(first_byte(address, bundle["url"], yinku.token))
        entries, memory = bundle["entries"], machine.peak_memory_mib(yinku.pid)
    if entries != count:
        raise RuntimeError(f"{entries} entries")
    section.say(
        f"A folder with {entries:,} documents, {bundle['bytes'] / 1e9:.0f} GB: from the request to make the bundle to its answer, and from"
        " a request of the zip to its first byte: at the node that made it, and at a process that has just started and reads the plan"
        f" first. Peak memory of the service: {memory:.0f} MiB."
    )
    times(section, {"made": making, "first byte": soon, "first byte, another process": cold})
    section.goals(
        goal(f"making a bundle of {entries:,} documents, worst s", max(making), 2, most=True),
        goal(f"first byte of {entries:,} entries, worst ms", max(soon) * 1000, 100, most=True),
        goal(f"first byte of {entries:,} entries with a cold plan, worst ms", max(cold) * 1000, 500, most=True),
    )


def times(section, told):
    section.table(["", "median ms", "worst ms"],
                  [[what, f"{median(all) * 1000:.0f}", f"{max(all) * 1000:.0f}"] for what, all in told.items()])


@contextmanager
def another_node(yinku):
    """Another process of the service with the same rows and the same store."""
    address = f"127.0.0.1:{free_port()}"
    command = [machine.ROOT / "target/release/yinku", "serve", "--no-workers"]
    log = open(yinku.directory / "log-of-another", "w")
    with running(command, env={**yinku.environment, "YINKU_LISTEN": address}, cwd=yinku.directory, stdout=log, stderr=log):
        wait_for(lambda: listens(address))
        # Its connections and caches are those of a running service.
        ask(address, "GET", "/api/session", None, yinku.headers)
        yield address
    log.close()


def evidence(section, quick):
    count = 20 if quick else 500
    with vendor() as seller, service(seller) as yinku:
        yinku.ingest(f"corpus {count}")
        flow = yinku.db.rows("SELECT id FROM flows")[0][0]
        path = f"/api/flows/{flow}/evidence.zip"
        wait_for(lambda: yinku.get(f"/api/flows/{flow}")["phase"] == "ready")
        machine.settle()
        before = first_byte(yinku.address, path, yinku.token, patience=120)
        again = [first_byte(yinku.address, path, yinku.token) for _ in range(5)]
        yinku.post(f"/api/flows/{flow}/archive", {})
        wait_for(lambda: yinku.get(f"/api/flows/{flow}")["state"] == "archived", every=0.01)
        after = first_byte(yinku.address, path, yinku.token, patience=120)
        ready = [first_byte(yinku.address, path, yinku.token) for _ in range(5)]
        size = yinku.get(f"/api/flows/{flow}/evidence")["bytes"]
        memory = machine.peak_memory_mib(yinku.pid)
    section.say(
        f"The evidence package of a flow with {count} photos, {size / 1e6:.0f} MB, from the request to the first byte: before archiving, when"
        " SM3 is taken first; at the moment of archiving, when the job begins to make it; and when it is made."
        f" Peak memory of the service: {memory:.0f} MiB."
    )
    times(section, {"before archiving": [before], "before archiving, made": again, "at archiving": [after], "made": ready})
    section.goals(
        goal(f"evidence of {count} photos before archiving, s", before, 10, most=True),
        goal(f"evidence of {count} photos, not made, s", after, 3, most=True),
        goal(f"evidence of {count} photos, made, worst ms", max(again + ready) * 1000, 100, most=True),
    )


# The page that checks


def with_stamped(yinku):
    body = definition(yinku.service_id)
    body["fields"].append({"key": "stamped", "label": "用印后文件", "type": "files"})
    body["integration"]["stampedFileField"] = "stamped"
    return yinku.post("/api/definitions", body)["id"]


def upload(yinku, path, name, mib):
    """A file of so many mebibytes, which no compression makes smaller."""
    block = os.urandom(MIB)
    head = f'--bench\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    tail = b"\r\n--bench--\r\n"

    def parts():
        yield head
        for _ in range(mib):
            yield block
        yield tail

    connection = HTTPConnection(yinku.address, timeout=600)
    headers = {**yinku.headers, "content-type": "multipart/form-data; boundary=bench",
               "content-length": str(len(head) + mib * MIB + len(tail))}
    connection.request("POST", path, parts(), headers)
    answer = connection.getresponse()
    told = answer.read().decode()
    connection.close()
    if answer.status != 201:
        raise RuntimeError(f"{path}: {answer.status} {told}")


def verify_page(section, quick):
    sizes = (1, 32) if quick else (1, 1024)
    with vendor() as seller, service(seller) as yinku, machine.directory() as directory:
        yinku.definition = with_stamped(yinku)
        yinku.ingest("corpus 1")
        flow = yinku.db.rows("SELECT id FROM flows")[0][0]
        zips = []
        for mib in sizes:
            for name in "一二三":
                upload(yinku, f"/api/flows/{flow}/fields/stamped/files", f"{mib} {name}.bin", mib)
            path = f"/api/flows/{flow}/evidence.zip"
            first_byte(yinku.address, path, yinku.token, patience=600)
            zips.append(directory / f"{mib}.zip")
            save(yinku, path, zips[-1])
        page = directory / "verify.html"
        save(yinku, "/api/evidence/verify.html", page)
        told = checked(page, zips)
    for one in told["checked"]:
        if not one["good"]:
            raise RuntimeError("verify.html refuses a good package")
    section.say(
        f"`verify.html` in Chromium {told['version']}, opened from disk without network: SHA-256, SM3 and BLAKE3 of each file. Memory is"
        " the most that all processes of the browser had at once."
    )
    section.table(["package", "s", "MB/s", "MiB"],
                  [[f"{one['bytes'] / 2**30:.2f} GiB", f"{one['seconds']:.1f}", f"{one['bytes'] / one['seconds'] / 1e6:.0f}", f"{one['mib']:.0f}"]
                   for one in told["checked"]])
    small, large = told["checked"]
    section.goals(goal("memory for the large package more than for the small one, MiB", large["mib"] - small["mib"], 200, most=True))


def checked(page, zips):
    command = ["node", machine.ROOT / "tests/browser/verify.mjs", page, *zips]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)
