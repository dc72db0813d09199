// Uploaded files are read in the browser: a PDF, a picture, a text. Nothing in them runs.
import type { Browser, Page } from "@playwright/test";
import type { House } from "./kit/house";
import { expect, test } from "./kit/test";

/** One page in A4, red all over. */
function redPage(): string {
  const content = "0.9 0.1 0.1 rg 0 0 595 842 re f";
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
  ];
  let pdf = "%PDF-1.4\n";
  const places = objects.map((object, n) => {
    const place = pdf.length;
    pdf += `${n + 1} 0 obj\n${object}\nendobj\n`;
    return place;
  });
  const table = places.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
  const start = pdf.length;
  return `${pdf}xref\n0 5\n0000000000 65535 f \n${table}trailer\n<< /Root 1 0 R /Size 5 >>\nstartxref\n${start}\n%%EOF\n`;
}

/** Uploads files to a flow, and returns the paths of their contents. */
async function bring(house: House, files: { name: string; type: string; content: BlobPart }[]): Promise<string[]> {
  const flow = await house.startFlow("在浏览器里看文件");
  await house.approve(flow);
  await house.business(flow);
  const form = new FormData();
  for (const { name, type, content } of files) form.append("file", new Blob([content], { type }), name);
  const brought = await fetch(`${house.base}/api/flows/${flow}/fields/stamped/files`, {
    method: "POST",
    headers: { cookie: await house.login("wang") },
    body: form,
  });
  expect(brought.status).toBe(201);
  return ((await brought.json()) as { id: string }[]).map(({ id }) => `/api/documents/${id}/content`);
}

/** A page of wang. The pages of other tests have a script of their own, which a sandboxed document does not run. */
async function plainPage(house: House, browser: Browser): Promise<Page> {
  const context = await browser.newContext({ baseURL: house.base, viewport: { width: 800, height: 1000 } });
  const [name, value] = (await house.login("wang")).split("; ")[0]!.split("=");
  await context.addCookies([{ name: name!, value: value!, url: house.base }]);
  return context.newPage();
}

test("an uploaded PDF is shown by the browser", async ({ house, browser }) => {
  const [path] = await bring(house, [{ name: "合同.pdf", type: "application/pdf", content: redPage() }]);
  const wang = await plainPage(house, browser);
  const answer = await wang.goto(path!);
  expect(answer?.headers()["content-type"]).toBe("application/pdf");

  // The viewer is no page that a test can read. So the test counts the red pixels of the screen.
  const reader = await (await browser.newContext()).newPage();
  const red = async () => {
    const shot = (await wang.screenshot()).toString("base64");
    return reader.evaluate(async (png) => {
      const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
      const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
      const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d")!;
      canvas.drawImage(picture, 0, 0);
      const { data } = canvas.getImageData(0, 0, picture.width, picture.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (data[at]! > 200 && data[at + 1]! < 60 && data[at + 2]! < 60) count += 1;
      }
      return count / (data.length / 4);
    }, shot);
  };
  await expect.poll(red, { timeout: 30_000 }).toBeGreaterThan(0.1);
  await Promise.all([wang.context().close(), reader.context().close()]);
});

test("a picture and a text are shown, and nothing in a file runs", async ({ house, browser }) => {
  const script = "<script>document.title = 'it runs'</script>";
  const svg = `<svg xmlns="http://www.w3.org/2000/svg">${script}</svg>`;
  const png = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAAEUlEQVR42mM4ERWAFTEMpAQAa2JFYUXY3m0AAAAASUVORK5CYII=",
    "base64",
  );
  const [text, page, drawing, picture] = await bring(house, [
    { name: "说明.txt", type: "text/plain", content: "合同说明：共三页" },
    { name: "合同.html", type: "text/html", content: `<!doctype html><p>contract</p>${script}` },
    { name: "章.svg", type: "image/svg+xml", content: svg },
    { name: "章.png", type: "image/png", content: png },
  ]);
  const wang = await plainPage(house, browser);
  await wang.goto(text!);
  await expect(wang.locator("body")).toHaveText("合同说明：共三页");
  for (const path of [page!, drawing!]) {
    await wang.goto(path);
    // The source is shown as text.
    await expect(wang.locator("body")).toContainText("document.title");
    expect(await wang.title()).not.toBe("it runs");
  }
  await wang.goto(picture!);
  expect(await wang.evaluate(() => document.images[0]?.naturalWidth)).toBe(8);
  await wang.context().close();
});
