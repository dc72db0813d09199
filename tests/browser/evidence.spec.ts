// The page that checks an evidence package, opened from disk without network: the package itself, one with a large file,
// and one with a flipped byte.
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
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
  await house.business(flow);
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

    // One byte in the middle of the report.
    const file = await open(small, "r+");
    const { size } = await file.stat();
    const bytes = Buffer.alloc(size);
    await file.read(bytes, 0, size, 0);
    const at = bytes.indexOf("证据报告");
    bytes[at] = bytes[at]! ^ 1;
    await file.write(bytes.subarray(at, at + 1), 0, 1, at);
    await file.close();
    expect(await check(page, small)).toContain("✗");
    await expect(page.locator("tr.bad").first()).toContainText("用印报告.html");

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
