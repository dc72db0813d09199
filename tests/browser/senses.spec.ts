// What a person sees who has set colours or motion otherwise, and on a slow line.
import type { Locator, Page } from "@playwright/test";
import { expect, noViolations, test } from "./kit/test";
import { scenes } from "./kit/scenes";

/** The width of the line around a box. A box of the page itself must not need a shadow to be seen. */
const line = (box: Locator) =>
  box.evaluate((one) => {
    const style = getComputedStyle(one);
    const outline = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    return Math.max(parseFloat(style.borderTopWidth), outline);
  });
const ground = (box: Locator) => box.evaluate((one) => getComputedStyle(one).backgroundColor);
async function forced(page: Page): Promise<void> {
  await page.emulateMedia({ forcedColors: "active" });
}

test("in forced colours boxes keep their lines, and no state is said by a colour alone", async ({ house, person }) => {
  const flow = await scenes(house);
  const wang = await person("wang");
  await forced(wang);
  await wang.goto("/flows?tab=all");
  // Other tests of this house have flows of this subject, too.
  const row = wang
    .getByRole("row", { name: /年度采购框架合同/ })
    .filter({ hasText: "还差 2 张" })
    .first();
  await expect(row.getByText("收图中")).toBeVisible();
  await expect(row.getByText("还差 2 张")).toBeVisible();
  const bar = row.locator(".bar");
  expect(await line(bar)).toBeGreaterThan(0);
  expect(await ground(bar.locator("i")), "the filled part").not.toBe(await ground(bar));
  expect(await line(row.locator(".chip").first())).toBeGreaterThan(0);
  await expect(wang.locator(".nav[aria-current]")).toHaveCSS("outline-style", "solid");
  const tab = wang.getByRole("tab", { selected: true });
  const underline = tab.evaluate((one) => getComputedStyle(one, "::after").backgroundColor);
  expect(await underline, "the line under the tab").not.toBe(await ground(wang.locator("body")));
  await noViolations(wang, "the list in forced colours");

  await wang.goto(`/flows/${flow.collecting}`);
  for (const box of [".banner", ".counts-card"]) expect(await line(wang.locator(box).first()), box).toBeGreaterThan(0);
  await expect(wang.locator(".photo.gap").first()).toHaveCSS("border-top-style", "dashed");
  // The browser does not change the colours of a drawing. A rule of the pages must.
  const words = await wang
    .locator(".step")
    .first()
    .evaluate((one) => getComputedStyle(one).color);
  for (const sign of [".step.done > .lucide", ".stages .done .lucide"])
    await expect(wang.locator(sign).first()).toHaveCSS("color", words);
  await noViolations(wang, "a flow in forced colours");

  await wang.goto(`/flows/${flow.using}`);
  await wang.getByRole("button", { name: "账户菜单" }).click();
  const menu = wang.getByRole("menu");
  expect(await line(menu)).toBeGreaterThan(0);
  await wang.keyboard.press("ArrowDown");
  expect(await line(menu.locator("[data-highlighted]"))).toBeGreaterThan(0);
  await wang.keyboard.press("Escape");
  await wang.getByRole("button", { name: "结束用印", exact: true }).click();
  const dialog = wang.getByRole("dialog", { name: "结束用印" });
  expect(await line(dialog)).toBeGreaterThan(0);
  await expect(wang.getByLabel("原因")).toBeFocused();
  expect(await line(wang.getByLabel("原因"))).toBeGreaterThan(0);
  await noViolations(wang, "a dialog in forced colours");
});

test("a button that is pressed looks pressed, in every colour", async ({ house, person }) => {
  const flow = await scenes(house);
  const { sealUses } = await house.flow<{ sealUses: { ingestId: string }[] }>(flow.collecting);
  const wang = await person("wang");
  await wang.goto(`/flows/${flow.collecting}/ingest/${sealUses[0]!.ingestId}`);
  const only = wang.getByRole("button", { name: "只看未收到" });
  const loose = await ground(only);
  await only.click();
  await wang.mouse.move(0, 0);
  await expect(only).toHaveAttribute("aria-pressed", "true");
  expect(await ground(only)).not.toBe(loose);
  await forced(wang);
  expect(await line(only)).toBe(2);
});

test("with reduced motion nothing moves", async ({ house, person }) => {
  const flow = await scenes(house);
  const wang = await person("wang");
  const moving = () =>
    wang.evaluate(() =>
      [...document.querySelectorAll("*")]
        .filter((one) => {
          const { transitionDuration, animationName } = getComputedStyle(one);
          return transitionDuration.split(", ").some((time) => parseFloat(time) > 0) || animationName !== "none";
        })
        .map((one) => one.className.toString()),
    );
  await wang.goto(`/flows/${flow.collecting}`);
  await expect(wang.locator(".photo img.here").first()).toBeVisible();
  expect(await moving()).toEqual([]);
  await wang.getByRole("button", { name: "查看用印详情" }).first().click();
  await expect(wang.getByRole("dialog", { name: "用印详情" })).toBeVisible();
  expect(await moving()).toEqual([]);
  await wang.keyboard.press("Escape");
  // The check sees motion where there is some.
  await wang.emulateMedia({ reducedMotion: "no-preference" });
  expect((await moving()).length).toBeGreaterThan(0);
});

test("a text field grows with its text", async ({ house, person }) => {
  const flow = await house.startFlow("意见很长", 1);
  const li = await person("li");
  await li.goto(`/flows/${flow}`);
  const box = li.getByLabel("意见", { exact: true });
  const height = async () => (await box.boundingBox())!.height;
  const one = await height();
  await box.fill(Array.from({ length: 12 }, (_, at) => `第 ${at + 1} 条意见`).join("\n"));
  await expect.poll(height).toBeGreaterThan(one + 100);
  // All of it is in sight: the field does not scroll.
  expect(await box.evaluate((field) => field.scrollHeight - field.clientHeight)).toBeLessThanOrEqual(1);
  await box.fill("同意");
  await expect.poll(height).toBe(one);
});

test("a double click on a slow line acts once, and the button says that it works", async ({ house, person }) => {
  const flow = await house.startFlow("慢网双击", 1);
  const li = await person("li");
  let sent = 0;
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await li.route("**/approve", async (route) => {
    sent += 1;
    await held;
    await route.continue();
  });
  await li.goto(`/flows/${flow}`);
  await li.getByLabel("意见", { exact: true }).fill("慢慢来");
  await li.getByRole("button", { name: "同意", exact: true }).dblclick();
  const busy = li.getByRole("button", { name: "正在同意…" });
  await expect(busy).toBeDisabled();
  await li.getByLabel("意见", { exact: true }).press("Control+Enter");
  await noViolations(li, "an act that is on its way");
  letGo();
  await expect(li.locator(".toast", { hasText: "慢网双击" })).toBeVisible();
  expect(sent).toBe(1);
  const { events } = await house.flow<{ events: { act: string }[] }>(flow);
  expect(events.filter((event) => event.act === "approved")).toHaveLength(1);
});
