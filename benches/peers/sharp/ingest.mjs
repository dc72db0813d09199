// The whole ingest as a careful Node service on sharp does it: ingest.mjs VENDOR BUSINESS DIRECTORY
// Eight photos in flight over HTTP, SHA-256 (OpenSSL), files durable before their rows, one decode for both thumbnails,
// rows in groups of 32 with synchronous=FULL.
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { Agent, get } from "node:http";
import sqlite from "node-sqlite3-wasm";
import sharp from "sharp";

const [vendor, business, directory] = process.argv.slice(2);
const IN_FLIGHT = 8;
const GROUP = 32;

sharp.cache(false);
// One thread a picture: the pictures are what is parallel (libuv's four threads).
sharp.concurrency(1);
mkdirSync(`${directory}/originals`, { recursive: true });
mkdirSync(`${directory}/thumbnails`, { recursive: true });

const db = new sqlite.Database(`${directory}/photos.db`);
db.exec("PRAGMA synchronous = FULL");
db.exec("CREATE TABLE photos (hash TEXT PRIMARY KEY, photokey TEXT NOT NULL UNIQUE, bytes INTEGER, width INTEGER, height INTEGER)");
const insert = db.prepare("INSERT INTO photos VALUES (?, ?, ?, ?, ?)");

const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
function fetched(path) {
  return new Promise((resolve, reject) => {
    get(`${vendor}${path}`, { agent }, (answer) => {
      const hash = createHash("sha256");
      const chunks = [];
      answer.on("data", (chunk) => {
        hash.update(chunk);
        chunks.push(chunk);
      });
      answer.on("end", () => resolve({ bytes: Buffer.concat(chunks), hash: hash.digest("hex") }));
      answer.on("error", reject);
    }).on("error", reject);
  });
}

async function put(path, bytes) {
  const file = await open(`${path}.part`, "w");
  await file.writeFile(bytes);
  await file.sync();
  await file.close();
  await rename(`${path}.part`, path);
  const parent = await open(path.slice(0, path.lastIndexOf("/")), "r");
  await parent.sync();
  await parent.close();
}

async function thumbnails(bytes) {
  const inside = { fit: "inside", withoutEnlargement: true };
  const { data, info } = await sharp(bytes).rotate().resize(1280, 1280, inside).flatten({ background: "white" })
    .toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const raw = { raw: { width: info.width, height: info.height, channels: info.channels } };
  return Promise.all([
    sharp(data, raw).jpeg({ quality: 80 }).toBuffer(),
    sharp(data, raw).resize(256, 256, inside).jpeg({ quality: 80 }).toBuffer(),
  ]);
}

let rows = [];
function commit(group) {
  db.exec("BEGIN IMMEDIATE");
  for (const row of group) insert.run(row);
  db.exec("COMMIT");
}

async function bring(photokey) {
  const { bytes, hash } = await fetched(`/seal/apply/image?photokey=${photokey}`);
  const [[large, small]] = await Promise.all([thumbnails(bytes), put(`${directory}/originals/${hash}`, bytes)]);
  await put(`${directory}/thumbnails/${hash}-1280.jpg`, large);
  await put(`${directory}/thumbnails/${hash}-256.jpg`, small);
  rows.push([hash, photokey, bytes.length, null, null]);
  if (rows.length >= GROUP) commit(rows.splice(0));
}

const begun = process.hrtime.bigint();
const cpu = process.cpuUsage();
const detail = JSON.parse((await fetched(`/seal/apply/detail?businessId=${business}`)).bytes.toString());
const keys = detail.result.useImages.map((photo) => photo.photokey);
const count = keys.length;
await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
  for (let key = keys.shift(); key !== undefined; key = keys.shift()) await bring(key);
}));
commit(rows);
const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
const used = process.cpuUsage(cpu);
console.log(JSON.stringify({ photos: count, seconds, cpu_ms: (used.user + used.system) / 1e3, memory: process.resourceUsage().maxRSS * 1024 }));
agent.destroy();
insert.finalize();
db.close();
