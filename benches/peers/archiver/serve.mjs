// Sends the files of a list as one zip, made while it leaves, as a Node service on archiver does it:
// node serve.mjs LIST PORT. LIST has a path on each line.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { ZipArchive } from "archiver";

const [list, port] = process.argv.slice(2);
const paths = readFileSync(list, "utf8").trim().split("\n");

createServer((request, response) => {
  const archive = new ZipArchive({ store: true });
  archive.on("error", (error) => response.destroy(error));
  response.on("close", () => archive.destroy());
  response.writeHead(200, { "content-type": "application/zip", "content-disposition": 'attachment; filename="all.zip"' });
  archive.pipe(response);
  for (const path of paths) archive.file(path, { name: basename(path) });
  archive.finalize();
}).listen(Number(port), "127.0.0.1");
