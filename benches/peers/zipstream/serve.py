"""Sends the files of a list as one zip, made while it leaves, as a Python service on zipstream-ng does it:
python serve.py LIST PORT. LIST has a path on each line. The length is known beforehand, as zipstream-ng offers it."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from zipstream import ZIP_STORED, ZipStream

PATHS = Path(sys.argv[1]).read_text().splitlines()


class Bundle(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        zipped = ZipStream(compress_type=ZIP_STORED, sized=True)
        for path in PATHS:
            zipped.add_path(path, Path(path).name, recurse=False)
        self.send_response(200)
        self.send_header("content-type", "application/zip")
        self.send_header("content-disposition", 'attachment; filename="all.zip"')
        self.send_header("content-length", str(len(zipped)))
        self.end_headers()
        for chunk in zipped:
            self.wfile.write(chunk)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Bundle).serve_forever()
