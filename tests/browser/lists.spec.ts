// Long lists: few rows in the page, whatever the number of photos or flows, with mouse, keyboard and phone.
import type { Page } from "@playwright/test";
import { expect, noViolations, test } from "./kit/test";
import { scenes } from "./kit/scenes";

const MANY = 10_000;
const MISSING = 4_000;
type Json = Record<string, unknown>;

/** The ingest as the service answers it, with many photos. The first ones are missing. */
async function manyPhotos(page: Page): Promise<void> {
  await page.route(/\/api\/ingests\/[0-9a-f-]{36}$/, async (route) => {
    const response = await route.fetch();
    const ingest = (await response.json()) as Json;
    const known = (ingest.photos as Json[])[0]!;
    const lost = { state: "failed", attempts: 9, error: { code: "vendor_status", detail: "HTTP 404" } };
    ingest.photos = Array.from({ length: MANY }, (_, at) => ({
      ...known,
      id: `00000000-0000-7000-8000-${String(at).padStart(12, "0")}`,
      ...(at < MISSING ? { ...lost, documentId: null } : { state: "done", error: null }),
    }));
    Object.assign(ingest, { expected: MANY, received: MANY - MISSING, failed: MISSING });
    await route.fulfill({ response, json: ingest });
  });
}

async function openIngest(page: Page, flow: string, ingest: string): Promise<void> {
  await manyPhotos(page);
  await page.goto(`/flows/${flow}/ingest/${ingest}`);
  await expect(page.getByText(/收到 6,000 \/ 10,000/)).toBeVisible();
}
const toEnd = (page: Page) => page.locator("#main").evaluate((box) => box.scrollTo({ top: box.scrollHeight }));

for (const phone of [false, true]) {
  test(`an ingest of ten thousand photos has few rows in the page${phone ? ", on a phone" : ""}`, async ({
    house,
    person,
  }) => {
    const flow = await scenes(house);
    const { sealUses } = await house.flow<{ sealUses: { ingestId: string }[] }>(flow.collecting);
    const wang = await person("wang", { phone });
    await openIngest(wang, flow.collecting, sealUses[0]!.ingestId);
    const rows = wang.locator("[data-index]");
    await expect(rows.first()).toContainText("公章 第 1 张");
    expect(await rows.count()).toBeLessThan(60);
    await noViolations(wang, "the first rows");

    // The row with the focus stays, and at its place.
    const retry = wang.getByRole("button", { name: "公章 第 2 张：重试" });
    await retry.focus();
    // The heights of rows are measured as they come, so the end moves while it is reached.
    await expect(async () => {
      await toEnd(wang);
      await expect(rows.filter({ hasText: "公章 第 4000 张" })).toBeInViewport({ timeout: 500 });
    }).toPass();
    expect(await rows.count()).toBeLessThan(60);
    await expect(retry).toBeFocused();
    await wang.keyboard.press("Shift+Tab");
    await expect(wang.locator(":focus")).toBeInViewport();

    // Those that are here are read when they are asked for, in the same way.
    await wang.getByText("已收到 6,000").click();
    await expect(async () => {
      await toEnd(wang);
      await expect(rows.filter({ hasText: "公章 第 10000 张" })).toBeInViewport({ timeout: 500 });
    }).toPass();
    expect(await rows.count()).toBeLessThan(100);
    await noViolations(wang, "the last rows");
  });
}

test("a long list of flows has few cards in the page of a phone", async ({ house, person }) => {
  const flow = await scenes(house);
  const wang = await person("wang", { phone: true });
  await wang.route(/\/api\/flows(\?|$)/, async (route) => {
    const response = await route.fetch();
    const page = (await response.json()) as { items: Json[]; next: string | null };
    const known = page.items.find((one) => one.id === flow.collecting)!;
    page.items = Array.from({ length: 1000 }, (_, at) => ({
      ...known,
      id: at === 999 ? flow.collecting : `00000000-0000-7000-8000-${String(at).padStart(12, "0")}`,
      title: `第 ${at + 1} 个流程`,
    }));
    page.next = null;
    await route.fulfill({ response, json: page });
  });
  await wang.goto("/flows?tab=all");
  await expect(wang.getByText("第 1 个流程", { exact: true })).toBeVisible();
  expect(await wang.locator("[data-row]").count()).toBeLessThan(60);
  const last = wang.getByRole("link", { name: /第 1000 个流程/ });
  await expect(async () => {
    await toEnd(wang);
    await expect(last).toBeInViewport({ timeout: 500 });
  }).toPass();
  expect(await wang.locator("[data-row]").count()).toBeLessThan(60);
  await last.click();
  await expect(wang.getByRole("heading", { name: "年度采购框架合同（华东区）" })).toBeVisible();
});
