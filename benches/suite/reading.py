"""Originals and thumbnails over loopback, beside nginx."""

from statistics import median
from urllib.parse import quote

from . import machine
from .report import Section, goal
from .service import free_port, running, service, tool, vendor, wait_for

ROUNDS = 3
SECONDS = 1.5

NGINX = """
daemon off; worker_processes auto; pid {directory}/pid; error_log {directory}/error.log warn; user root;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; types {{ image/jpeg jpg; }}
  client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def measure(quick=False):
    with vendor() as seller, service(seller) as yinku, machine.directory() as directory:
        count = 40 if quick else 120
        yinku.ingest(f"corpus {count}")
        kinds = files(yinku)
        port = free_port()
        (directory / "nginx.conf").write_text(NGINX.format(directory=directory, port=port, root=yinku.directory / "store"))
        with running(["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf")]):
            nginx = f"127.0.0.1:{port}"
            wait_for(lambda: listens(nginx))
            return told(yinku, nginx, kinds, directory, 1 if quick else ROUNDS)


def listens(address):
    import socket

    host, port = address.split(":")
    with socket.socket() as asked:
        return asked.connect_ex((host, int(port))) == 0


def files(yinku):
    """For each kind, our paths and nginx's for the same files in the same order."""
    rows = yinku.db.rows("SELECT d.id, o.store_key, o.hash FROM documents d JOIN originals o ON o.hash = d.original_hash")
    store = yinku.directory / "store"
    kinds = {"originals": [(f"/api/documents/{id}/content", quote(f"/{key}")) for id, key, _ in rows]}
    for size in (256, 1280):
        where = {path.stem: path.relative_to(store) for path in store.rglob("*.jpg") if str(size) in path.relative_to(store).parts}
        kinds[f"thumbnails, {size} px"] = [
            (f"/api/documents/{id}/thumbnail/{size}", quote(f"/{where[hash]}")) for id, _, hash in rows if hash in where
        ]
    return kinds


def told(yinku, nginx, kinds, directory, rounds):
    section = Section(
        "Reading",
        f"The same files, the same client (keep-alive, one request at a time on each connection), {SECONDS:g} s each, medians of {rounds}"
        " alternating rounds. nginx sends from the same store with sendfile and asks nobody who is asking; the service looks the"
        " token, the user's rights and the document up, or remembers them from less than a second ago.",
    )
    rows, goals = [], []
    for kind, paths in kinds.items():
        (directory / "ours").write_text("\n".join(ours for ours, _ in paths))
        (directory / "theirs").write_text("\n".join(theirs for _, theirs in paths))
        for connections in (1, 8, 32):
            common = ["--connections", connections, "--seconds", SECONDS]
            seen = {"ours": [], "theirs": []}
            for _ in range(rounds):
                seen["ours"].append(tool("reading", yinku.address, directory / "ours", *common, "--bearer", yinku.token))
                seen["theirs"].append(tool("reading", nginx, directory / "theirs", *common))
            speed = {who: median(run["bytes"] / run["seconds"] / 1e6 for run in runs) for who, runs in seen.items()}
            often = {who: median(run["files"] / run["seconds"] for run in runs) for who, runs in seen.items()}
            ratio = speed["ours"] / speed["theirs"]
            rows.append([kind, connections, f"{speed['ours']:.0f}", f"{speed['theirs']:.0f}", f"{often['ours']:.0f}",
                         f"{often['theirs']:.0f}", f"{ratio:.2f}"])
            goals.append(goal(f"{kind}, {connections} connections, × nginx", ratio, 0.8))
    section.table(["", "connections", "ours, MB/s", "nginx, MB/s", "ours, files/s", "nginx, files/s", "ratio"], rows)
    section.goals(*goals)
    return section
