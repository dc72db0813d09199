// Every page and every dialog, in both languages, both themes and both widths: axe finds nothing, nothing scrolls
// sideways, nothing complains in the console. The pictures of the README are made here.
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { noSideways, noViolations, test, expect, type Look } from "./kit/test";
import { scenes, troubles } from "./kit/scenes";

/** The pictures of the READMEs, made anew with DOC_PICTURES=1. */
const PICTURES: Record<string, string> = {
  "collecting-zh-light-1440": "flow.png",
  "flows-zh-light-1440": "flows.png",
  "collecting-zh-light-375": "flow-phone.png",
};
const SHOTS = join(import.meta.dirname, "pages");
mkdirSync(SHOTS, { recursive: true });

interface Place {
  name: string;
  as: "zhang" | "li" | "wang" | "sun" | "admin";
  path: string;
  /** A press that opens something, by the name of its button in each language. */
  open?: [zh: string | RegExp, en: string | RegExp];
  /** On the phone the button is in the bar above the tabs or its menu. */
  fill?: (page: Page) => Promise<void>;
}

const looks: Look[] = (["zh", "en"] as const).flatMap((language) =>
  (["light", "dark"] as const).flatMap((theme) => [false, true].map((phone) => ({ language, theme, phone }))),
);

async function places(house: Parameters<typeof scenes>[0]): Promise<Place[]> {
  const flow = await scenes(house);
  const trouble = await troubles(house);
  const { sealUses } = await house.flow<{ sealUses: { ingestId: string }[] }>(flow.collecting);
  return [
    { name: "flows", as: "wang", path: "/flows?tab=all" },
    { name: "flows-empty", as: "sun", path: "/flows" },
    {
      name: "flows-filtered",
      as: "wang",
      path: "/flows?tab=all&q=nothing-like-this",
    },
    { name: "start-types", as: "zhang", path: "/flows/new" },
    {
      name: "start",
      as: "zhang",
      path: `/flows/new?type=${house.definitions.field}`,
    },
    { name: "edit", as: "zhang", path: `/flows/${flow.rejected}/edit` },
    { name: "waiting", as: "li", path: `/flows/${flow.waiting}` },
    { name: "using", as: "wang", path: `/flows/${flow.using}` },
    { name: "collecting", as: "wang", path: `/flows/${flow.collecting}` },
    { name: "ready", as: "wang", path: `/flows/${flow.ready}` },
    { name: "archived", as: "zhang", path: `/flows/${flow.archived}` },
    { name: "rejected", as: "zhang", path: `/flows/${flow.rejected}` },
    { name: "local", as: "wang", path: `/flows/${flow.local}` },
    {
      name: "ingest",
      as: "wang",
      path: `/flows/${flow.collecting}/ingest/${sealUses[0]!.ingestId}`,
    },
    { name: "me", as: "wang", path: "/me" },
    { name: "unknown", as: "wang", path: "/nothing/here" },
    {
      name: "code",
      as: "wang",
      path: `/flows/${flow.using}`,
      open: ["查看用印码", "Seal code"],
    },
    {
      name: "detail",
      as: "wang",
      path: `/flows/${flow.using}`,
      open: ["查看用印详情", "Seal-use details"],
    },
    {
      name: "append",
      as: "wang",
      path: `/flows/${flow.using}`,
      open: ["追加用印次数", "Append uses"],
    },
    {
      name: "finish",
      as: "wang",
      path: `/flows/${flow.using}`,
      // "Append uses" contains the same letters.
      open: [/^结束用印$/, /^End use$/],
    },
    {
      name: "window",
      as: "wang",
      path: `/flows/${flow.using}`,
      open: ["修改用印时间", "Change time of use"],
    },
    {
      name: "transfer",
      as: "li",
      path: `/flows/${flow.waiting}`,
      open: ["转交", "Hand on"],
    },
    {
      name: "withdraw",
      as: "zhang",
      path: `/flows/${flow.waiting}`,
      open: ["撤回", "Withdraw"],
    },
    {
      name: "archive",
      as: "wang",
      path: `/flows/${flow.local}`,
      open: ["归档", "Archive"],
    },
    {
      name: "evidence",
      as: "sun",
      path: `/flows/${flow.archived}`,
      open: ["证据包", "Evidence package"],
      fill: async (page) => expect(page.getByRole("dialog").getByRole("table")).toBeVisible({ timeout: 60_000 }),
    },
    {
      name: "resolve",
      as: "admin",
      path: `/flows/${trouble.refused}`,
      open: ["处理…", "Resolve…"],
    },
    { name: "refused", as: "zhang", path: `/flows/${trouble.refused}` },
    {
      name: "accept",
      as: "admin",
      path: `/flows/${trouble.unconfirmed}`,
      fill: async (page) => {
        await page.getByRole("button", { name: /^(显示|Show)$/ }).click();
        await page.getByRole("button", { name: /接受…|Accept…/ }).click();
        await expect(page.getByRole("dialog")).toBeVisible();
      },
    },
    {
      name: "archive-short",
      as: "admin",
      path: `/flows/${trouble.short}`,
      open: ["归档", "Archive"],
      fill: async (page) => page.getByRole("dialog").getByRole("checkbox").check(),
    },
    {
      name: "filter",
      as: "wang",
      path: "/flows?tab=all",
      fill: async (page) => page.getByRole("button", { name: /^(状态|State)$/ }).click(),
    },
    {
      name: "keys",
      as: "wang",
      path: "/flows?tab=all",
      // A phone has no keys.
      fill: async (page) => {
        if ((page.viewportSize()?.width ?? 0) < 721) return;
        await page.keyboard.press("?");
        await expect(page.getByRole("dialog")).toBeVisible();
      },
    },
    {
      name: "activity",
      as: "zhang",
      path: `/flows/${flow.archived}`,
      open: ["动态", "Activity"],
    },
    {
      name: "photo",
      as: "zhang",
      path: `/flows/${flow.archived}`,
      open: ["公章 第 1 张", "公章 no. 1"],
    },
    {
      name: "account",
      as: "wang",
      path: "/flows?tab=all",
      open: ["账户菜单", "Account menu"],
    },
    {
      name: "combobox",
      as: "zhang",
      path: `/flows/new?type=${house.definitions.field}`,
      fill: async (page) => page.getByRole("combobox").last().click(),
    },
    {
      name: "paste",
      as: "zhang",
      path: `/flows/new?type=${house.definitions.field}`,
      open: ["从表格粘贴", "Paste from a table"],
    },
  ];
}

for (const look of looks) {
  const name = `${look.language}-${look.theme}-${look.phone ? "375" : "1440"}`;
  test(`every page looks right and is accessible: ${name}`, async ({ house, person, stranger }) => {
    test.setTimeout(300_000);
    const login = await stranger(look);
    await login.goto("/login");
    await expect(login.getByRole("textbox").first()).toBeFocused();
    await noViolations(login, "login");
    await login.screenshot({ path: join(SHOTS, `login-${name}.png`) });

    const pages = new Map<string, Page>();
    for (const place of await places(house)) {
      const page = pages.get(place.as) ?? (await person(place.as, look));
      pages.set(place.as, page);
      await test.step(place.name, async () => {
        await page.goto(place.path);
        await expect(page.locator("h1:visible")).toHaveCount(1);
        await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
        if (place.open) {
          const button = page
            .getByRole("button", {
              name: place.open[look.language === "en" ? 1 : 0],
            })
            .first();
          await button.click();
          await expect(page.locator("[role=dialog], [role=menu]")).toBeVisible();
          await expect(page.locator("[role=dialog] [aria-busy=true]")).toHaveCount(0);
        }
        await place.fill?.(page);
        await page.waitForLoadState("networkidle", { timeout: 1000 }).catch(() => undefined);
        await noViolations(page, place.name);
        await noSideways(page, place.name);
        const shot = join(SHOTS, `${place.name}-${name}.png`);
        await page.screenshot({ path: shot });
        const picture = PICTURES[`${place.name}-${name}`];
        if (picture && process.env.DOC_PICTURES)
          copyFileSync(shot, join(import.meta.dirname, "../../docs/pages", picture));
      });
    }
  });
}

test.describe("a zip that lacks photos", () => {
  test.use({ expected: /status of 503/ });
  test("its dialog looks right and is accessible in every look", async ({ house, person }) => {
    test.setTimeout(120_000);
    const { short } = await troubles(house);
    for (const look of looks) {
      const name = `${look.language}-${look.theme}-${look.phone ? "375" : "1440"}`;
      const page = await person("wang", look);
      // The service answers so for as long as it fetches photos.
      await page.route("**/photos.zip", (route) =>
        route.fulfill({
          status: 503,
          headers: { "retry-after": "600" },
          contentType: "application/problem+json",
          json: { type: "about:blank", title: "", status: 503, code: "still_collecting", detail: "", retryAfter: 600 },
        }),
      );
      await page.goto(`/flows/${short}`);
      await page.getByRole("button", { name: /下载用印图片|Download photos/ }).click();
      await expect(page.getByRole("dialog").getByRole("button")).toHaveCount(3);
      await noViolations(page, `zip ${name}`);
      await noSideways(page, `zip ${name}`);
      await page.screenshot({ path: join(SHOTS, `zip-${name}.png`) });
      await page.close();
    }
  });
});
