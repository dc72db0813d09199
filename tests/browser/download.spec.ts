// A download of the browser whose line breaks off. The browser goes on by itself, and has the bytes of the bundle.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, request, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "./kit/test";

const LARGE = 8 * 1024 * 1024;
/** The browser begins anew if it has less than this. */
const FIRST = 3 * 1024 * 1024;

/** Passes everything on to the service. The line of the first zips breaks off after some bytes each. */
function unsteadyLine(base: string, cuts: number[], asked: IncomingHttpHeaders[]): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const isZip = incoming.url?.startsWith("/api/bundles/") ?? false;
    if (isZip) asked.push(incoming.headers);
    let left = (isZip ? cuts.shift() : undefined) ?? Infinity;
    const onward = request(base + incoming.url, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("data", (bytes: Buffer) => {
        const now = bytes.subarray(0, Math.min(bytes.length, left));
        left -= now.length;
        outgoing.write(now);
        if (left > 0) return;
        answer.destroy();
        outgoing.socket?.end();
      });
      answer.on("end", () => outgoing.end());
      answer.on("error", () => undefined);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

test("a browser goes on with a bundle whose line broke off", async ({ house, browser }) => {
  const flow = await house.startFlow("断点续传", 1);
  await house.approve(flow);
  await house.business(flow);
  const cookie = await house.login("wang");
  const form = new FormData();
  form.append("file", new Blob([new Uint8Array(randomBytes(LARGE))]), "大文件.bin");
  const path = `${house.base}/api/flows/${flow}/fields/stamped/files`;
  expect((await fetch(path, { method: "POST", headers: { cookie }, body: form })).status).toBe(201);
  const bundle = await house.api<{ url: string; etag: string; name: string }>("wang", "POST", "/api/bundles", {
    flowIds: [flow],
    name: "合同 照片",
  });
  const whole = Buffer.from(await (await fetch(house.base + bundle.url, { headers: { cookie } })).arrayBuffer());
  expect(whole.length).toBeGreaterThan(LARGE);

  const asked: IncomingHttpHeaders[] = [];
  const line = await unsteadyLine(house.base, [FIRST, FIRST], asked);
  const base = `http://127.0.0.1:${(line.address() as AddressInfo).port}`;
  const context = await browser.newContext({ acceptDownloads: true });
  try {
    const [name, value] = cookie.split(/=(.*)/s);
    await context.addCookies([{ name: name!, value: value!, url: base }]);
    const page = await context.newPage();
    await page.goto(`${base}/flows/${flow}`);
    const download = page.waitForEvent("download");
    await page.evaluate((url) => {
      const link = document.createElement("a");
      link.href = url;
      document.body.append(link);
      link.click();
    }, bundle.url);
    const got = await download;
    expect(got.suggestedFilename()).toBe("合同 照片.zip");
    expect(readFileSync(await got.path()).equals(whole)).toBe(true);
    expect(asked.length).toBeGreaterThan(1);
    const last = asked.at(-1)!;
    expect(last.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(last["if-range"]).toBe(bundle.etag);
  } finally {
    await context.close();
    line.close();
  }
});
