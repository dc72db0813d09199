// The page that checks an evidence package, opened from disk without network: the package itself, one with a large file,
// and one with a flipped byte in each of its files.
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { pathToFileURL } from "node:url";
import type { Page } from "@playwright/test";
import type { House } from "./kit/house";
import { expect, test } from "./kit/test";

const LARGE = 300 * 1024 * 1024;

async function cookieOf(house: House): Promise<Record<string, string>> {
  return { cookie: await house.login("wang") };
}

/** Writes the package of the flow to a file in pieces. */
async function save(house: House, flow: string, file: string): Promise<void> {
  const headers = await cookieOf(house);
  for (let turn = 0; turn < 60; turn++) {
    const answer = await fetch(`${house.base}/api/flows/${flow}/evidence.zip`, { headers });
    if (answer.status === 503) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      continue;
    }
    expect(answer.status).toBe(200);
    return pipeline(Readable.fromWeb(answer.body as ReadableStream), createWriteStream(file));
  }
  throw new Error("the package was not made");
}

/** The stored entries of a zip, with the middle of their bytes. */
function entries(zip: Buffer): { name: string; at: number }[] {
  const end = zip.lastIndexOf("PK\x05\x06");
  const found = [];
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [size, name, extra, comment] = [
      zip.readUInt32LE(at + 24),
      ...[28, 30, 32].map((o) => zip.readUInt16LE(at + o)),
    ];
    const local = zip.readUInt32LE(at + 42);
    const bytes = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    // An empty file has no byte to flip.
    if (size! > 0)
      found.push({ name: zip.toString("utf8", at + 46, at + 46 + name!), at: bytes + Math.floor(size! / 2) });
    at += 46 + name! + extra! + comment!;
  }
  return found;
}

async function check(page: Page, zip: string): Promise<string> {
  await page.locator("#zip").setInputFiles(zip);
  await expect(page.locator("#verdict")).toHaveClass(/good|bad/, { timeout: 120_000 });
  return (await page.locator("#verdict").textContent()) ?? "";
}

test("the page for checking reads a package from disk, also a large one, and finds a flipped byte", async ({
  house,
  browser,
}) => {
  test.setTimeout(300_000);
  const flow = await house.startFlow("证据包核验", 1);
  await house.approve(flow);
  await house.stamp(await house.business(flow), 1);
  await house.until("the photo is here", async () => (await house.flow<{ phase: string }>(flow)).phase === "ready");
  const dir = mkdtempSync(join(tmpdir(), "evidence-"));
  const context = await browser.newContext({ offline: true });
  try {
    const headers = await cookieOf(house);
    const page_ = await fetch(`${house.base}/api/evidence/verify.html`, { headers });
    expect(page_.headers.get("content-disposition")).toContain("attachment");
    writeFileSync(join(dir, "verify.html"), Buffer.from(await page_.arrayBuffer()));
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    await page.goto(pathToFileURL(join(dir, "verify.html")).href);

    const small = join(dir, "small.zip");
    await save(house, flow, small);
    expect(await check(page, small)).toContain("✓");
    const shown = await page.locator("#s").textContent();
    const about = await house.api<{ s: string }>("wang", "GET", `/api/flows/${flow}/evidence`);
    expect(shown).toBe(about.s);

    // One byte in the middle of each file in turn.
    const bytes = readFileSync(small);
    const flipped = join(dir, "flipped.zip");
    const all = entries(bytes);
    expect(all.length).toBeGreaterThan(15);
    for (const { name, at } of all) {
      bytes[at] = bytes[at]! ^ 1;
      writeFileSync(flipped, bytes);
      bytes[at] = bytes[at]! ^ 1;
      expect(await check(page, flipped), name).toContain("✗");
      if (name.includes("/data/")) {
        await expect(page.locator("tr.bad").first(), name).toContainText(name.split("/data/")[1]!);
      }
    }

    const form = new FormData();
    form.append("file", new Blob([Buffer.alloc(LARGE, 7)]), "大文件.bin");
    const path = `/api/flows/${flow}/fields/stamped/files`;
    const sent = await fetch(house.base + path, { method: "POST", headers, body: form });
    expect(sent.status, await sent.text()).toBe(201);
    const large = join(dir, "large.zip");
    await save(house, flow, large);
    expect(await check(page, large)).toContain("✓");
    expect(faults).toEqual([]);
  } finally {
    await context.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
