// Plain http and another name than localhost: no secure context, so no locks and no clipboard object.
import { chromium } from "@playwright/test";
import { House } from "./kit/house";
import { CHROMIUM, expect, noViolations, test } from "./kit/test";

test("plain http under another name works: hints, copying, and a path before the pages", async ({ engine }) => {
  test.setTimeout(120_000);
  const house = await House.open(engine, {}, "yinku.test");
  const args = [...CHROMIUM.args, "--host-resolver-rules=MAP yinku.test 127.0.0.1"];
  const browser = await chromium.launch({ ...CHROMIUM, args });
  try {
    const flow = await house.startFlow("明文连接");
    const context = await browser.newContext({ baseURL: house.base, locale: "zh-CN" });
    const [cookie] = (await house.login("zhang")).split("; ");
    const [name, value] = cookie!.split("=");
    await context.addCookies([{ name: name!, value: value!, url: house.base }]);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    await page.goto(`/flows/${flow}`);
    await expect(page.getByRole("heading", { name: "明文连接" })).toBeVisible();
    expect(await page.evaluate(() => [isSecureContext, "locks" in navigator, "clipboard" in navigator])).toEqual([
      false,
      false,
      false,
    ]);
    await expect(page.locator(".live")).toHaveText("实时");
    // A hint comes.
    await house.approve(flow);
    await expect(page.getByText("用印中").first()).toBeVisible();
    // A copy is made without the clipboard object.
    await page.getByRole("button", { name: "复制编号" }).click();
    await expect(page.getByText("已复制")).toBeVisible();
    await page.getByRole("textbox", { name: "评论" }).focus();
    await page.keyboard.press("Control+V");
    await expect(page.getByRole("textbox", { name: "评论" })).toHaveValue(/^YK\d{8}-\d{4}/);
    await noViolations(page, "flow over plain http");
    expect(faults).toEqual([]);
  } finally {
    await browser.close();
    await house.close();
  }
});

test("two tabs share one stream of hints", async ({ house, person }) => {
  const flow = await house.startFlow("两个标签页");
  const first = await person("zhang");
  let streams = 0;
  first.context().on("request", (request) => {
    if (request.url().endsWith("/api/events")) streams += 1;
  });
  await first.goto(`/flows/${flow}`);
  await expect(first.locator(".live")).toHaveText("实时");
  const second = await first.context().newPage();
  await second.goto(`/flows/${flow}`);
  await expect(second.locator(".live")).toHaveText("实时");
  expect(streams).toBe(1);
  await house.approve(flow);
  await expect(second.getByText("用印中").first()).toBeVisible();
  // The other tab takes over.
  await first.close();
  await expect.poll(() => streams).toBe(2);
  await expect(second.locator(".live")).toHaveText("实时");
});

test("under a path of a proxy every address begins with that path", async ({ engine, browser }) => {
  test.setTimeout(120_000);
  const { createServer, request } = await import("node:http");
  // A proxy that takes the path away, as nginx does with `location /seal/ { proxy_pass …/; }`.
  let inner = 0;
  const proxy = createServer((incoming, outgoing) => {
    if (!incoming.url?.startsWith("/seal/")) {
      outgoing.writeHead(404).end();
      return;
    }
    const onward = request(
      {
        host: "127.0.0.1",
        port: inner,
        path: incoming.url.slice(5),
        method: incoming.method,
        headers: incoming.headers,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const address = proxy.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const house = await House.open(engine, { YINKU_PUBLIC_URL: `http://127.0.0.1:${port}/seal/` });
  inner = Number(new URL(house.base).port);
  try {
    const flow = await house.startFlow("路径前缀");
    const context = await browser.newContext({ locale: "zh-CN" });
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${port}/seal/flows/${flow}`);
    await expect(page).toHaveURL(/\/seal\/login\?next=/);
    await page.getByLabel("用户名").fill("zhang");
    await page.getByLabel("密码", { exact: true }).fill("browser-test-1");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "路径前缀" })).toBeVisible();
    await expect(page).toHaveURL(new RegExp(`/seal/flows/${flow}$`));
    await page.getByRole("navigation", { name: "主导航" }).getByRole("link").click();
    await expect(page).toHaveURL(/\/seal\/flows$/);
    await context.close();
  } finally {
    await house.close();
    proxy.close();
  }
});
