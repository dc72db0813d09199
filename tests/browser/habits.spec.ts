// What every page keeps to: the way of the keyboard into it, its keys, its title, and what a person has set.
import type { Page } from "@playwright/test";
import { ANSWER, expect, test } from "./kit/test";
import { scenes } from "./kit/scenes";

const main = (page: Page) => page.locator("#main");

test("the first Tab leads to the content, and a page begins at its heading", async ({ house, person }) => {
  const flow = await scenes(house);
  const sun = await person("sun");
  await sun.goto("/flows");
  await expect(sun).toHaveTitle("流程 · 印库");
  await expect(sun.getByText("没有待办，都处理完了")).toBeVisible();
  await sun.keyboard.press("Tab");
  const skip = sun.getByRole("button", { name: "跳到内容" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await sun.keyboard.press("Enter");
  await expect(main(sun)).toBeFocused();
  await sun.getByRole("link", { name: "查看全部流程" }).click();
  await sun.getByRole("link", { name: "授权委托书：设备验收" }).click();
  await expect(sun.getByRole("heading", { name: "授权委托书：设备验收" })).toBeFocused();
  await expect(sun).toHaveTitle("授权委托书：设备验收 · 印库");
  await expect(sun).toHaveURL(new RegExp(flow.using));
  await sun.getByRole("navigation", { name: "主导航" }).getByRole("link").click();
  await expect(sun.getByRole("heading", { name: "流程", level: 1 })).toBeVisible();
  await expect(main(sun)).toBeFocused();
});

test("single letters act where nothing is typed, are listed, and can be turned off", async ({ person }) => {
  const wang = await person("wang");
  await wang.goto("/flows");
  await expect(wang.getByRole("tab", { name: /待办/ })).toBeVisible();
  await wang.keyboard.press("?");
  const keys = wang.getByRole("dialog", { name: "快捷键" });
  await expect(keys.getByRole("row", { name: /发起流程/ })).toContainText("c");
  // Letters do nothing behind a dialog.
  await wang.keyboard.press("c");
  await wang.keyboard.press("Escape");
  await expect(keys).toHaveCount(0);
  await expect(wang).toHaveURL(/\/flows$/);
  await wang.keyboard.press("/");
  await expect(wang.getByRole("searchbox", { name: "搜索流程" })).toBeFocused();
  await wang.keyboard.type("cgm");
  await expect(wang.getByRole("searchbox", { name: "搜索流程" })).toHaveValue("cgm");
  await main(wang).focus();
  await wang.keyboard.press("g");
  await wang.keyboard.press("m");
  await expect(wang.getByRole("heading", { name: "个人设置" })).toBeVisible();
  await wang.getByRole("checkbox", { name: /单键快捷键/ }).uncheck();
  await main(wang).focus();
  await wang.keyboard.press("c");
  await wang.keyboard.press("g");
  await wang.keyboard.press("f");
  await wang.keyboard.press("?");
  await expect(wang.getByRole("dialog")).toHaveCount(0);
  await expect(wang).toHaveURL(/\/me$/);
});

test("what is set in the profile holds on the other pages, and the tokens have an address", async ({
  house,
  person,
}) => {
  const flow = await scenes(house);
  const wang = await person("wang");
  await wang.goto(`/flows/${flow.archived}`);
  const tile = wang.locator("button.photo").first();
  const width = async () => (await tile.boundingBox())!.width;
  await expect(tile.locator("img")).toHaveAttribute("src", /thumbnail\/256$/);
  const middle = await width();
  await wang.goto("/me");
  await wang.getByLabel("照片大小").selectOption("l");
  await wang.getByLabel("密度").selectOption("compact");
  await expect(wang.locator("html")).toHaveAttribute("data-density", "compact");
  await wang.goto(`/flows/${flow.archived}`);
  await expect(tile.locator("img")).toHaveAttribute("src", /thumbnail\/1280$/);
  expect(await width()).toBeGreaterThan(middle);
  await expect(wang.locator("html")).toHaveAttribute("data-density", "compact");
  await wang.goto("/me/tokens");
  await expect(wang.getByRole("heading", { name: "令牌" })).toBeInViewport();
});

test("a file that is dropped anywhere on the page is the stamped file, and an upload can be stopped", async ({
  house,
  person,
}) => {
  const flow = await house.startFlow("拖放上传", 1);
  await house.approve(flow);
  await house.stamp(await house.business(flow), 1, 0, { signatory: 0 });
  await house.until("it collects", async () => (await house.flow<{ phase: string }>(flow)).phase === "collecting");
  const wang = await person("wang");
  await wang.goto(`/flows/${flow}`);
  const card = wang.getByRole("region", { name: "用印后文件" });
  await expect(card.getByRole("button", { name: /选择文件/ })).toBeVisible();
  const drag = async (name: string) => {
    const files = await wang.evaluateHandle((name) => {
      const data = new DataTransfer();
      data.items.add(new File(["%PDF-1.7\n1\n%%EOF\n"], name, { type: "application/pdf" }));
      return data;
    }, name);
    await wang.dispatchEvent("h1", "dragover", { dataTransfer: files });
    await expect(card.locator(".drop")).toHaveClass(/over/);
    await wang.dispatchEvent("h1", "drop", { dataTransfer: files });
  };
  await drag("拖入的.pdf");
  await expect(card.getByRole("link", { name: "拖入的.pdf" })).toBeVisible();

  let held = 0;
  await wang.route("**/fields/stamped/files", () => void (held += 1));
  await drag("慢慢传.pdf");
  const item = card.getByRole("listitem").filter({ hasText: "慢慢传.pdf" });
  await expect(item.getByRole("progressbar", { name: "慢慢传.pdf" })).toBeVisible();
  await expect.poll(() => held).toBe(1);
  // The browser asks before it leaves a page whose file is on its way.
  const asked = wang.waitForEvent("dialog");
  await wang.evaluate(() => void setTimeout(() => location.reload()));
  const question = await asked;
  expect(question.type()).toBe("beforeunload");
  await question.dismiss();
  await item.getByRole("button", { name: "取消上传 慢慢传.pdf" }).click();
  await expect(item).toHaveCount(0);
  await expect(card.getByRole("link", { name: "拖入的.pdf" })).toBeVisible();
});

test("the details of a seal use are read again while they are open", async ({ house, person }) => {
  const flow = await scenes(house);
  const wang = await person("wang");
  await wang.clock.install();
  let reads = 0;
  wang.on("request", (request) => (reads += request.url().endsWith("/seal-detail") ? 1 : 0));
  await wang.goto(`/flows/${flow.using}`);
  await wang.getByRole("button", { name: "查看用印详情" }).click();
  const details = wang.getByRole("dialog", { name: "用印详情" });
  await expect(details.getByRole("table")).toBeVisible();
  expect(reads).toBe(1);
  await wang.clock.runFor(15_500);
  await expect.poll(() => reads).toBe(2);
  await wang.keyboard.press("Escape");
  await wang.clock.runFor(60_000);
  expect(reads).toBe(2);
});

test.describe("photos that are still coming", () => {
  test.use({ expected: ANSWER(503) });
  test("a zip waits until all are here, and then comes by itself", async ({ house, person }) => {
    const flow = await house.startFlow("等收齐后下载", 1, "local");
    await house.approve(flow);
    await house.stampAndLose(await house.business(flow));
    const missing = async () => (await house.flow<{ counts: { missing: number } | null }>(flow)).counts?.missing ?? 0;
    await house.until("a photo is missing", async () => (await missing()) === 1);
    const wang = await person("wang");
    await wang.goto(`/flows/${flow}`);
    await wang.getByRole("button", { name: "下载全部" }).click();
    const dialog = wang.getByRole("dialog", { name: "图片还没有收齐" });
    await dialog.getByRole("button", { name: "等收齐后下载" }).click({ timeout: 30_000 });
    await expect(dialog.getByRole("status")).toBeVisible();
    const download = wang.waitForEvent("download", { timeout: 30_000 });
    await house.findAgain();
    expect((await download).suggestedFilename()).toMatch(/\.zip$/);
    await expect(dialog).toHaveCount(0);
  });
});
