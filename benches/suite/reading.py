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
  upstream yinku {{ server {yinku}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{before};
    location / {{
      proxy_pass http://yinku; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Forwarded ""; proxy_buffering off;
    }}
    location /yinku-store/ {{
      internal; alias {root}/; etag off; if_modified_since off; max_ranges 1;
      add_header ETag $upstream_http_etag; add_header Last-Modified $upstream_http_last_modified;
      add_header Content-Security-Policy $upstream_http_content_security_policy;
      add_header X-Content-Type-Options $upstream_http_x_content_type_options;
      add_header Referrer-Policy $upstream_http_referrer_policy;
    }}
  }}
}}
"""
# nginx sends the files that the service allows (docs/nginx.conf). Requests without the header of a proxy get the bytes from the
# service as without these settings.
BEHIND_NGINX = {"YINKU_TRUSTED_PROXIES": '["127.0.0.1/32"]', "YINKU_STORE__X_ACCEL_REDIRECT": "/yinku-store/"}


def measure(quick=False):
    with vendor() as seller, service(seller, settings=BEHIND_NGINX) as yinku, machine.directory() as directory:
        count = 40 if quick else 120
        yinku.ingest(f"corpus {count}")
        kinds = files(yinku)
        port, before = free_port(), free_port()
        root = yinku.directory / "store"
        settings = NGINX.format(directory=directory, port=port, before=before, root=root, yinku=yinku.address)
        (directory / "nginx.conf").write_text(settings)
        with running(["nginx", "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(directory / "nginx.conf")]):
            nginx = f"127.0.0.1:{port}"
            wait_for(lambda: listens(nginx))
            return told(yinku, nginx, f"127.0.0.1:{before}", kinds, directory, 1 if quick else ROUNDS)


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


def told(yinku, nginx, before, kinds, directory, rounds):
    section = Section(
        "Reading",
        f"The same files, the same client (keep-alive, one request at a time on each connection), {SECONDS:g} s each, medians of {rounds}"
        " alternating rounds. nginx sends from the same store with sendfile and checks no rights. The service looks the"
        " token, the user's rights and the document up, or remembers them from less than a second ago. Behind nginx: the service"
        " decides and audits, and nginx sends the file (X-Accel-Redirect, docs/nginx.conf).",
    )
    rows, goals = [], []
    for kind, paths in kinds.items():
        (directory / "ours").write_text("\n".join(ours for ours, _ in paths))
        (directory / "theirs").write_text("\n".join(theirs for _, theirs in paths))
        for connections in (1, 8, 32):
            common = ["--connections", connections, "--seconds", SECONDS]
            seen = {"ours": [], "behind": [], "theirs": []}
            for _ in range(rounds):
                seen["ours"].append(tool("reading", yinku.address, directory / "ours", *common, "--bearer", yinku.token))
                seen["behind"].append(tool("reading", before, directory / "ours", *common, "--bearer", yinku.token))
                seen["theirs"].append(tool("reading", nginx, directory / "theirs", *common))
            speed = {who: median(run["bytes"] / run["seconds"] / 1e6 for run in runs) for who, runs in seen.items()}
            often = {who: median(run["files"] / run["seconds"] for run in runs) for who, runs in seen.items()}
            ratio, behind = speed["ours"] / speed["theirs"], speed["behind"] / speed["theirs"]
            rows.append([kind, connections, *(f"{speed[who]:.0f}" for who in seen), *(f"{often[who]:.0f}" for who in seen),
                         f"{ratio:.2f}", f"{behind:.2f}"])
            goals.append(goal(f"{kind}, {connections} connections, × nginx", ratio, 0.8))
            goals.append(goal(f"{kind}, {connections} connections, behind nginx, × nginx", behind, 0.9))
    section.table(["", "connections", "ours, MB/s", "behind nginx, MB/s", "nginx, MB/s", "ours, files/s", "behind nginx, files/s",
                   "nginx, files/s", "ours, × nginx", "behind nginx, × nginx"], rows)
    section.goals(*goals)
    return section
