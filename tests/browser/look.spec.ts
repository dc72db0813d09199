// What a person sees and reaches: nothing is under a bar, nothing is cut off, nothing is too small to be hit.
import type { Page } from "@playwright/test";
import { expect, test } from "./kit/test";
import { scenes } from "./kit/scenes";

/** Goes through the page by Tab. Names each stop of which at most one of three points can be seen. */
async function hiddenStops(page: Page): Promise<string[]> {
  const hidden: string[] = [];
  for (let stop = 0; stop < 60; stop += 1) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate(() => {
      const one = document.activeElement;
      if (!one || one === document.body) return null;
      const box = one.getBoundingClientRect();
      const points: [number, number][] = [
        [box.left + box.width / 2, box.top + box.height / 2],
        [box.left + 3, box.top + 3],
        [box.right - 3, box.bottom - 3],
      ];
      const seen = points.filter(([x, y]) => {
        const top = document.elementFromPoint(x, y);
        return top !== null && (one.contains(top) || top.contains(one) || top.closest("label") !== null);
      });
      return { name: one.getAttribute("aria-label") ?? one.textContent?.trim() ?? "", seen: seen.length };
    });
    if (!found) return hidden;
    if (found.seen < 2) hidden.push(`stop ${stop}: ${found.name}`);
  }
  return hidden;
}
/** Controls that are lower or narrower than 24 pixels and do not stand in a sentence. */
const tooSmall = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, a[href], select, summary, [role=tab], input")]
      .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("p, .sr, label"))
      .map((one) => ({ one, box: one.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 24 || box.height < 24)
      .map(({ one, box }) => `${one.outerHTML.slice(0, 120)} ${box.width} × ${box.height}`),
  );

for (const phone of [false, true]) {
  test(`each stop of the Tab key is in sight and large enough: ${phone ? "phone" : "screen"}`, async ({
    house,
    person,
  }) => {
    test.setTimeout(180_000);
    const flow = await scenes(house);
    const { sealUses } = await house.flow<{ sealUses: { ingestId: string }[] }>(flow.collecting);
    const pages = [
      ["wang", "/flows?tab=all"],
      ["zhang", `/flows/new?type=${house.definitions.field}`],
      ["li", `/flows/${flow.waiting}`],
      ["wang", `/flows/${flow.using}`],
      ["admin", `/flows/${flow.collecting}`],
      ["sun", `/flows/${flow.archived}`],
      ["wang", `/flows/${flow.collecting}/ingest/${sealUses[0]!.ingestId}`],
      ["wang", "/me"],
    ] as const;
    for (const [who, path] of pages) {
      const page = await person(who, { phone, language: "en" });
      await page.goto(path);
      await expect(page.locator("h1:visible")).toHaveCount(1);
      await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
      expect.soft(await tooSmall(page), `${path}: too small`).toEqual([]);
      expect.soft(await hiddenStops(page), `${path}: not in sight`).toEqual([]);
      await page.close();
    }
  });
}

test.describe("without the network", () => {
  test.use({ expected: /ERR_(INTERNET_DISCONNECTED|FAILED)/ });
  test("the bars of the phone stay whole, and so do the words of the counts", async ({ house, person }) => {
    const flow = await scenes(house);
    const page = await person("wang", { phone: true, language: "en" });
    await page.goto(`/flows/${flow.using}`);
    const tabs = page.locator(".bottom");
    const before = await tabs.boundingBox();
    const word = page.locator(".counts dt").first();
    const line = (await word.boundingBox())!.height;
    await page.context().setOffline(true);
    await expect(page.locator(".offline")).toBeVisible();
    await expect(page.getByText(/^as of /)).toBeVisible();
    expect(await tabs.boundingBox()).toEqual(before);
    expect((await word.boundingBox())!.height).toBe(line);
    await page.context().setOffline(false);
  });
});

test("the search of the phone leads into its field", async ({ house, person }) => {
  const flow = await scenes(house);
  const page = await person("wang", { phone: true });
  await page.goto(`/flows/${flow.using}`);
  await page.getByRole("banner").getByRole("link", { name: "搜索流程" }).click();
  await expect(page.getByLabel("在列表中查找")).toBeFocused();
});

test("the list of a select is read in the dark", async ({ person }) => {
  const page = await person("wang", { theme: "dark" });
  await page.goto("/flows?tab=all");
  await page.getByRole("button", { name: "状态", exact: true }).click();
  const option = page.getByRole("option").first();
  const [ground, words] = await option.evaluate((one) => {
    const { backgroundColor, color } = getComputedStyle(one);
    const light = (text: string) =>
      (text.match(/[\d.]+/g) ?? []).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
    return [backgroundColor === "rgba(0, 0, 0, 0)" ? NaN : light(backgroundColor), light(color)];
  });
  expect(ground).toBeLessThan(150);
  expect(words).toBeGreaterThan(500);
});

test("a list of people does not stay on the next button of the phone", async ({ house, person }) => {
  const page = await person("zhang", { phone: true });
  await page.goto(`/flows/new?type=${house.definitions.field}`);
  await page.getByRole("combobox", { name: "用印人" }).tap();
  await page.getByRole("option").first().tap();
  await page.getByRole("button", { name: "添加一行" }).tap();
  await expect(page.getByText("第 2 行")).toBeVisible();
});

test("a hidden code leaves its button inside the card", async ({ house, person }) => {
  const flow = await scenes(house);
  const page = await person("wang", { phone: true, language: "en" });
  await page.goto(`/flows/${flow.using}`);
  await page.locator(".sticky").getByRole("button", { name: "Seal code" }).click();
  await page.getByRole("button", { name: "Hide" }).click();
  const [card, button] = [page.locator(".codebox"), page.getByRole("button", { name: "Show" })];
  const [outer, inner] = [(await card.boundingBox())!, (await button.boundingBox())!];
  expect(inner.x + inner.width).toBeLessThan(outer.x + outer.width - 8);
});

test("the columns of a detail table keep their width when a seal is chosen", async ({ house, person }) => {
  const page = await person("zhang");
  await page.goto(`/flows/new?type=${house.definitions.field}`);
  const widths = () => page.locator(".rows th").evaluateAll((heads) => heads.map((head) => head.clientWidth));
  await expect(page.locator(".rows th")).toHaveCount(5);
  const before = await widths();
  const seal = page.getByRole("combobox", { name: "第 1 行 物理印章" });
  await seal.click();
  await page.getByRole("option").first().click();
  await expect(page.getByRole("button", { name: /^移除 / })).toBeVisible();
  expect(await widths()).toEqual(before);
});

test("the badges of a photo are read whole", async ({ house, person }) => {
  const flow = await house.startFlow("推送的图片", 2);
  await house.approve(flow);
  const business = await house.business(flow);
  await house.stamp(business, 1);
  await house.pushPicture(business);
  const page = await person("admin");
  await page.goto(`/flows/${flow}`);
  await page.getByRole("button", { name: "显示", exact: true }).click();
  const badges = page.locator(".mark-b");
  await expect(badges).toHaveCount(2);
  const cut = await badges.evaluateAll(
    (all) => all.filter((one) => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight).length,
  );
  expect(cut).toBe(0);
});

test("seal-use details sum what is left, and an append names the person where a seal occurs twice", async ({
  house,
  person,
}) => {
  const form = {
    subject: "两人用一枚印章",
    company: "上海印库科技有限公司",
    seals: [{ seal: "QYS2019040001", count: 2, users: ["wang", "li"] }],
  };
  const body = { definitionId: house.definitions.field, form };
  const { id } = await house.api<{ id: string }>("zhang", "POST", "/api/flows", body);
  await house.approve(id);
  await house.business(id);
  const page = await person("wang");
  await page.goto(`/flows/${id}`);
  await page.getByRole("button", { name: "查看用印详情" }).click();
  const sum = page.getByRole("dialog").getByRole("row", { name: /合计/ });
  await expect(sum.getByRole("cell").nth(4)).toHaveText("4");
  await page.getByRole("dialog").getByRole("button", { name: "追加用印次数" }).click();
  const results = page.getByRole("dialog", { name: "追加用印次数" }).getByRole("listitem");
  await expect(results).toHaveText(["公章 · 王五：2 → 3 次", "公章 · 李四：2 → 3 次"]);
});
