// Checks evidence packages with the page verify.html, opened from disk: node verify.mjs PAGE ZIP…
// Prints one JSON object: for each zip what the page said, the seconds, and the most memory that the browser's processes
// had at once, in MiB.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright";

const [page_, ...zips] = process.argv.slice(2);
const FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update";

/** The memory of all processes below this one. Pages that several share are counted for each by its part. */
function memory() {
  const parents = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(pid, readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")[1]);
    } catch {
      // The process has ended.
    }
  }
  const below = new Set([String(process.pid)]);
  for (let grown = 0; grown !== below.size; ) {
    grown = below.size;
    for (const [pid, parent] of parents) if (below.has(parent)) below.add(pid);
  }
  below.delete(String(process.pid));
  let kib = 0;
  for (const pid of below) {
    try {
      kib += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]);
    } catch {
      // The process has ended.
    }
  }
  return kib / 1024;
}

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS.split(" ") });
const context = await browser.newContext({ offline: true });
const page = await context.newPage();
await page.goto(pathToFileURL(page_).href);
const checked = [];
for (const zip of zips) {
  let most = memory();
  const sampling = setInterval(() => (most = Math.max(most, memory())), 100);
  const begun = performance.now();
  await page.locator("#zip").setInputFiles(zip);
  const verdict = page.locator("#verdict");
  await page.waitForFunction(() => /good|bad/.test(document.querySelector("#verdict").className), null, { timeout: 900_000 });
  const seconds = (performance.now() - begun) / 1000;
  clearInterval(sampling);
  const good = ((await verdict.getAttribute("class")) ?? "").includes("good");
  checked.push({ bytes: statSync(zip).size, good, seconds, mib: most });
  await page.reload();
}
await browser.close();
console.log(JSON.stringify({ version: browser.version(), checked }));
