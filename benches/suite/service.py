"""The service as people run it, the vendor in another process, and PostgreSQL."""

import json
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from . import machine

PASSWORD = "bench-password-1"
CALLBACK = "/papi/signcenter/qiyuesuo/categoryCallback"
DEVICE = "QYS2019040001"
PATIENCE = 600


def free_port():
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def tool_path():
    return (machine.BENCH / "tools").read_text().strip()


def tool(*arguments):
    """One of benches/tools; what it prints."""
    done = subprocess.run([tool_path(), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments[0]}: {done.stderr.strip()}")
    return json.loads(done.stdout)


@contextmanager
def running(command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def vendor(corpus=True):
    command = [tool_path(), "vendor", *([str(machine.CORPUS)] if corpus else [])]
    with running(command, stdout=subprocess.PIPE, text=True) as process:
        yield Vendor(json.loads(process.stdout.readline())["address"])


def ask(address, method, path, body=None, headers=None, kind="application/json", patience=60):
    connection = HTTPConnection(address, timeout=patience)
    headers = dict(headers or {})
    if body is not None:
        headers["content-type"] = kind
        body = json.dumps(body) if kind == "application/json" else body
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {text}")
    return (json.loads(text) if text[:1] in "{[" and text else text), answer


class Vendor:
    def __init__(self, address):
        self.address = address
        self.url = f"http://{address}"

    def business(self, subject):
        """A seal use that the service knows nothing of, for the peers."""
        asked = {"subject": subject, "auths": [{"users": [{"number": "E1003"}]}]}
        return ask(self.address, "POST", "/seal/apply/multiple", asked)[0]["result"]["id"]


class Sqlite:
    name = "SQLite"

    def __init__(self, path):
        self.path = path
        self.url = f"sqlite://{path}"

    def rows(self, statement):
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30) as connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows

    def script(self, text):
        connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        connection.execute("PRAGMA cache_size = -400000")
        connection.execute("PRAGMA synchronous = OFF")
        # No ANALYZE: the service makes none on SQLite, and is to be measured as it is.
        connection.executescript(f"BEGIN; {text}; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def cpu_ms(self):
        return 0.0


class Postgres:
    name = "PostgreSQL"

    def __init__(self, url, pid):
        self.url, self.pid, self.made = url, pid, 0
        # One for all questions: a new connection costs the server more than the question.
        command = ["psql", "-qAtX", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", url]
        self.shell = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def rows(self, statement):
        self.shell.stdin.write(f"{statement};\n\\echo end of rows\n")
        self.shell.stdin.flush()
        rows = []
        for line in self.shell.stdout:
            line = line.rstrip("\n")
            if line == "end of rows":
                return rows
            rows.append([int(value) if value.lstrip("-").isdigit() else value for value in line.split("\x1f")])
        raise RuntimeError(f"psql ended at: {statement}")

    @contextmanager
    def another(self):
        """An empty database of the same server."""
        self.made += 1
        name = f"app_{self.made}"
        self.rows(f"CREATE DATABASE {name}")
        other = Postgres(f"{self.url.rpartition('/')[0]}/{name}", self.pid)
        try:
            yield other
        finally:
            other.close()
            self.rows(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self):
        self.shell.stdin.close()
        self.shell.wait()

    def script(self, text):
        command = ["psql", "-qX", "-v", "ON_ERROR_STOP=1", self.url]
        text = f"BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL session_replication_role = replica; {text}; COMMIT; VACUUM ANALYZE; CHECKPOINT;"
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    def cpu_ms(self):
        return machine.cpu_ms_below(self.pid)


@contextmanager
def postgres():
    """A server of its own, which syncs what it acknowledges."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    bin = (found[-1] if found else Path(os.path.realpath(shutil.which("initdb")))).parent
    with machine.directory() as directory:
        options = {}
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            options = {"user": owner.pw_uid, "group": owner.pw_gid}
            os.chown(directory, owner.pw_uid, owner.pw_gid)
        data, port = directory / "data", free_port()
        initdb = [bin / "initdb", "-D", data, "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=directory, **options)
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": directory,
                    "max_connections": 100, "shared_buffers": "256MB", "max_wal_size": "4GB"}
        given = [argument for setting in settings.items() for argument in ("-c", "{}={}".format(*setting))]
        log = open(directory / "log", "w")
        server = subprocess.Popen([bin / "postgres", "-D", data, *given], stdout=log, stderr=log, cwd=directory, **options)
        try:
            base = f"postgres://app@127.0.0.1:{port}"
            for _ in range(100):
                made = subprocess.run(["psql", "-qX", "-c", "CREATE DATABASE app", f"{base}/postgres"], capture_output=True)
                if made.returncode == 0:
                    break
                time.sleep(0.1)
            db = Postgres(f"{base}/app", server.pid)
            try:
                yield db
            finally:
                db.close()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()
            log.close()


class Service:
    def __init__(self, process, address, db, directory):
        self.process, self.pid, self.address, self.db, self.directory = process, process.pid, address, db, directory

    def furnish(self, vendor):
        """A token, somebody who stamps, a bound vendor, a definition."""
        login = {"username": "admin", "password": PASSWORD}
        cookie = ask(self.address, "POST", "/api/session", login)[1].getheader("set-cookie").split(";")[0]
        token = ask(self.address, "POST", "/api/tokens", {"name": "bench"}, {"cookie": cookie})[0]["token"]
        self.token = token
        self.headers = {"authorization": f"Bearer {token}"}
        wang = {"username": "wang", "displayName": "王五", "password": PASSWORD, "roles": ["operator"], "employeeNo": "E1003"}
        self.post("/api/users", wang)
        bound = {"name": "bench", "baseUrl": vendor.url, "appToken": "t", "appSecret": "s"}
        self.service_id = self.post("/api/services", bound)["id"]
        self.definition = self.post("/api/definitions", definition(self.service_id))["id"]
        return self

    def post(self, path, body):
        return ask(self.address, "POST", path, body, self.headers)[0]

    def get(self, path):
        return ask(self.address, "GET", path, None, self.headers)[0]

    def start(self, subject):
        """A flow whose seal use has been applied for; (seal use, business)."""
        count = max(1, int(subject.split()[1]))
        rows = [{"seal": DEVICE, "count": count, "users": ["wang"]}]
        form = {"subject": subject, "company": "印库", "seals": rows}
        flow = self.post("/api/flows", {"definitionId": self.definition, "form": form})["id"]
        asked = f"SELECT id, business_id FROM seal_uses WHERE flow_id = '{flow}' AND business_id IS NOT NULL"
        return tuple(map(str, wait_for(lambda: self.db.rows(asked))[0]))

    def call_back(self, business):
        kind = "application/x-www-form-urlencoded"
        ask(self.address, "POST", CALLBACK, f"businessId={business}&status=COMPLETE", None, kind)

    def finished(self, seal_use):
        """Waits for the end of an ingest; its seconds, by the service's own clock, from the callback to the last row."""
        where = f"WHERE seal_use_id = '{seal_use}'"
        state = wait_for(lambda: self.db.rows(f"SELECT state, updated_at FROM ingests {where} AND state IN ('done', 'failed')"))
        begun = self.db.rows(f"SELECT MIN(received_at) FROM callbacks {where}")[0][0]
        if state[0][0] != "done":
            raise RuntimeError(f"the ingest {state[0][0]}")
        return (state[0][1] - begun) / 1e6

    def ingest(self, subject):
        """One seal use, whole: photos, seconds, megabytes, CPU and memory."""
        seal_use, business = self.start(subject)
        machine.settle()
        cpu, db_cpu = machine.cpu_ms(self.pid), self.db.cpu_ms()
        self.call_back(business)
        seconds = self.finished(seal_use)
        cpu, db_cpu = machine.cpu_ms(self.pid) - cpu, self.db.cpu_ms() - db_cpu
        photos, size = self.db.rows(
            "SELECT COUNT(*), CAST(SUM(o.bytes) AS BIGINT) FROM photos p JOIN originals o ON o.hash = p.original_hash"
            f" WHERE p.seal_use_id = '{seal_use}'"
        )[0]
        return {"photos": photos, "seconds": seconds, "mb": size / 1e6, "cpu_ms": cpu, "db_cpu_ms": db_cpu,
                "memory_mib": machine.peak_memory_mib(self.pid)}


def definition(service):
    column = lambda key, kind: {"key": key, "label": key, "type": kind}
    columns = [column("seal", "seal"), column("count", "number"), column("users", "users")]
    fields = [column("subject", "text"), column("company", "text"), {**column("seals", "table"), "columns": columns},
              column("photos", "files")]
    return {
        "name": "bench", "fields": fields,
        "nodes": [{"key": "seal", "name": "用印", "kind": "seal", "assignees": ["role:operator"]}],
        "integration": {
            "enabled": True, "serviceId": service, "subjectField": "subject", "organisationField": "company",
            "sealField": "seals.seal", "userField": "seals.users", "countField": "seals.count", "applyNode": "start",
            "codeNodes": ["seal"], "downloadNodes": ["seal"], "downloadField": "photos",
            "downloadFolder": {"space": "public", "path": "用印/2026"}, "archive": "manual",
        },
    }


def wait_for(look, every=0.03):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if seen := look():
            return seen
        time.sleep(every)
    raise TimeoutError("it never came")


@contextmanager
def service(vendor, db=None, settings=None):
    """A fresh service: empty data directory; `db` or a SQLite file in it."""
    with machine.directory() as directory:
        db = db or Sqlite(directory / "yinku.db")
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"], "YINKU_LISTEN": f"127.0.0.1:{port}", "YINKU_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "YINKU_DATA_DIR": str(directory), "YINKU_DATABASE__URL": db.url, "YINKU_STORE__URL": f"file://{directory}/store",
            "YINKU_ADMIN__PASSWORD": PASSWORD, "YINKU_LOG__FILTER": "warn", **(settings or {}),
        }
        log = open(directory / "log", "w+")
        command = [str(machine.ROOT / "target/release/yinku"), "serve"]
        with running(command, env=environment, cwd=directory, stdout=log, stderr=log) as process:
            address = f"127.0.0.1:{port}"

            def answers():
                if process.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(log.read())
                try:
                    return ask(address, "GET", "/healthz")
                except OSError:
                    return None

            wait_for(answers)
            made = Service(process, address, db, directory)
            made.environment = environment
            yield made.furnish(vendor)
        log.close()
