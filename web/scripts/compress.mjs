// Writes .br and .gz beside each text file of dist, so the service compresses nothing while it answers.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url).pathname;
for (const entry of readdirSync(dist, { recursive: true })) {
  // index.html is rewritten for the base path when it is sent.
  if (!/\.(js|css|svg|json)$/.test(entry) || entry.startsWith(".vite")) continue;
  const bytes = readFileSync(join(dist, entry));
  writeFileSync(
    join(dist, `${entry}.br`),
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
  );
  writeFileSync(join(dist, `${entry}.gz`), gzipSync(bytes, { level: 9 }));
}
