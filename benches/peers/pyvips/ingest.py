"""The whole ingest as a careful Python service on pyvips does it: ingest.py VENDOR BUSINESS DIRECTORY

Eight photos in flight over HTTP, SHA-256 (OpenSSL), files durable before their rows, one decode for both thumbnails,
rows in groups of 32 with synchronous=FULL. Threads: libvips works without Python's lock.
"""

import hashlib
import json
import os
import resource
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

# One thread a picture: the pictures are what is parallel.
os.environ["VIPS_CONCURRENCY"] = "1"

import pyvips  # noqa: E402

IN_FLIGHT = 8
GROUP = 32

vendor, business, directory = sys.argv[1].removeprefix("http://"), sys.argv[2], Path(sys.argv[3])
pyvips.cache_set_max(0)
for name in ("originals", "thumbnails"):
    (directory / name).mkdir(parents=True)
db = sqlite3.connect(directory / "photos.db", check_same_thread=False, isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA synchronous = FULL")
db.execute("CREATE TABLE photos (hash TEXT PRIMARY KEY, photokey TEXT NOT NULL UNIQUE, bytes INTEGER)")
rows, lock, own = [], threading.Lock(), threading.local()


def fetched(path):
    if not hasattr(own, "connection"):
        own.connection = HTTPConnection(vendor)
    own.connection.request("GET", path)
    return own.connection.getresponse().read()


def put(path, content):
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    parent = os.open(path.parent, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


def thumbnails(content):
    # Only where there is a profile: asked for, libvips converts every picture, at twice the cost of all the rest.
    tagged = pyvips.Image.new_from_buffer(content, "").get_typeof("icc-profile-data") != 0
    colour = {"export_profile": "srgb"} if tagged else {}
    large = pyvips.Image.thumbnail_buffer(content, 1280, height=1280, size="down", **colour).copy_memory()
    small = large.thumbnail_image(256, height=256, size="down")
    return [(size, picture.jpegsave_buffer(Q=80, strip=True)) for size, picture in ((1280, large), (256, small))]


def commit(group):
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO photos VALUES (?, ?, ?)", group)
    db.execute("COMMIT")


def bring(photokey):
    content = fetched(f"/seal/apply/image?photokey={photokey}")
    name = hashlib.sha256(content).hexdigest()
    put(directory / "originals" / name, content)
    for size, picture in thumbnails(content):
        put(directory / "thumbnails" / f"{name}-{size}.jpg", picture)
    with lock:
        rows.append((name, photokey, len(content)))
        if len(rows) >= GROUP:
            commit(rows)
            rows.clear()


def main():
    begun, cpu = time.perf_counter(), time.process_time()
    detail = json.loads(fetched(f"/seal/apply/detail?businessId={business}"))
    keys = [photo["photokey"] for photo in detail["result"]["useImages"]]
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        for _ in pool.map(bring, keys):
            pass
    commit(rows)
    told = {
        "photos": len(keys),
        "seconds": time.perf_counter() - begun,
        "cpu_ms": (time.process_time() - cpu) * 1e3,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(told))


main()
