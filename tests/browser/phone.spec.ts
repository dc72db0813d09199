// The phone: the next act is above the tabs, and nothing is wider than the page, whatever the data are.
import type { Page, Route } from "@playwright/test";
import { expect, noSideways, noViolations, test } from "./kit/test";
import { scenes } from "./kit/scenes";

test("a flow is approved, stamped and supplied with its file on a phone", async ({ house, person }) => {
  test.slow();
  const flow = await house.startFlow("手机上办理", 1);
  const phone = { phone: true } as const;
  const li = await person("li", phone);
  await li.goto("/flows");
  await li.getByRole("link", { name: /手机上办理/ }).click();
  await li.getByRole("button", { name: "处理", exact: true }).click();
  await expect(li.getByLabel("意见", { exact: true })).toBeFocused();
  await li.keyboard.type("同意");
  await li.getByRole("button", { name: "同意", exact: true }).click();
  await expect(li.getByText("用印中").first()).toBeVisible();

  const wang = await person("wang", phone);
  await wang.goto(`/flows/${flow}`);
  const bar = wang.locator(".sticky");
  await bar.getByRole("button", { name: "查看用印码" }).click();
  const code = wang.getByRole("dialog", { name: "用印码" });
  await expect(code.getByText(/用印码( \d){6}/)).toBeAttached();
  expect((await code.boundingBox())?.width).toBe(375);
  await code.getByRole("button", { name: "关闭" }).last().click();
  await house.stamp(await house.business(flow), 1);
  const upload = bar.getByRole("button", { name: "上传用印后文件" });
  await expect(upload).toBeVisible();
  const chooser = wang.waitForEvent("filechooser");
  await upload.click();
  await (
    await chooser
  ).setFiles({ name: "盖章.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7\n1\n%%EOF\n") });
  await expect(wang.getByText(/已归档 /)).toBeVisible({ timeout: 30_000 });
  // What is confirmed does not lie on the next act.
  await wang.getByRole("button", { name: "复制编号" }).click();
  const [said, act] = [await wang.locator(".toast").boundingBox(), await bar.boundingBox()];
  expect(said!.y + said!.height).toBeLessThanOrEqual(act!.y);
  await wang.getByRole("link", { name: "返回" }).click();
  await expect(wang.getByRole("heading", { name: "流程" })).toBeVisible();
});

const LONG = "Framework-agreement-for-the-procurement-of-measuring-instruments-2026/2027";
const WORDS = "Rahmenvertrag über die Lieferung von Messgeräten und Ersatzteilen, Niederlassung Schanghai-Pudong";
const ERROR = `error sending request for url (https://contracts.example.com:9182/${"a1b2c3d4".repeat(16)}): connection reset`;
const TROUBLE = [
  "application_failed",
  "application_unknown",
  "delivery_failed",
  "delivery_unknown",
  "photos_parked",
  "people_gone",
];
const NUMBERS = { authorised: 12345, counted: 11789, received: 10456, missing: 1333 };

type Json = Record<string, unknown>;
/** Answers as the service does, with `change` made. */
async function bend(page: Page, path: RegExp, change: (body: Json) => void): Promise<void> {
  await page.route(path, async (route: Route) => {
    if (route.request().method() !== "GET") return route.continue();
    const response = await route.fetch();
    const json = (await response.json()) as Json;
    change(json);
    await route.fulfill({ response, json });
  });
}
function stretchHead(head: Json): void {
  Object.assign(head, {
    title: LONG,
    serialNo: "YK20261127-1000007",
    definitionName: WORDS,
    nodeName: WORDS,
    trouble: TROUBLE,
    parked: 1234,
    waitsFor: ["user:wang", "user:li", "role:operator", "role:archivist", "role:admin"],
    lacks: [{ key: "stamped", label: WORDS }],
  });
  if (head.counts) head.counts = NUMBERS;
}
const LONG_PEOPLE = { wang: LONG, li: WORDS, zhang: "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff Sr." };
const ACTIONS = "approve reject withdraw transfer code detail photos collect append finish upload archive evidence";

function stretchFlow(flow: Json): void {
  stretchHead(flow);
  flow.people = { ...(flow.people as Json), ...LONG_PEOPLE };
  flow.actions = ACTIONS.split(" ");
  flow.editable = ["stamped", "attachments"];
  flow.form = { ...(flow.form as Json), subject: LONG, company: WORDS, reason: `${LONG} ${ERROR}` };
  for (const used of flow.sealUses as Json[]) {
    Object.assign(used, NUMBERS, { error: ERROR, status: "failed", businessId: "3108846201".repeat(4) });
    for (const grant of used.grants as Json[]) {
      Object.assign(grant, NUMBERS, { seal: WORDS, deviceNo: `QYS${"2019040001".repeat(2)}`, user: LONG, left: 1234 });
    }
    for (const seal of used.seals as Json[]) Object.assign(seal, { name: WORDS, company: `${WORDS} ${LONG}` });
  }
  for (const event of flow.events as Json[]) event.detail = `${LONG} ${ERROR}`;
  for (const docs of Object.values(flow.files as Record<string, Json[]>)) {
    for (const doc of docs) {
      const sent = { vendorState: "failed", vendorError: ERROR };
      Object.assign(doc, { name: `${LONG}.pdf`, clockDoubt: true, complete: false }, doc.photo ? {} : sent);
    }
  }
}
function stretchIngest(ingest: Json): void {
  Object.assign(ingest, { error: ERROR, expected: 12345, received: 10456, duplicates: 1234, failed: 1333 });
  for (const photo of (ingest.photos as Json[] | undefined) ?? []) {
    if (photo.state !== "done") Object.assign(photo, { state: "failed", attempts: 123 });
    if (photo.state !== "done") photo.error = { code: "unheard_of", detail: ERROR };
  }
}

/** Opens what the page has, one after the other, and looks at each. */
async function openEach(page: Page, what: string, names: (string | RegExp)[]): Promise<void> {
  for (const name of names) {
    const button = page.getByRole("button", { name, exact: true }).first();
    await button.click();
    await expect(page.locator("[role=dialog], [role=menu]").first()).toBeVisible();
    await noSideways(page, `${what}: ${name}`);
    await page.keyboard.press("Escape");
    await expect(page.locator("[role=dialog], [role=menu]")).toHaveCount(0);
  }
}

test.describe("data that are long, large and wrong", () => {
  test.use({ expected: /status of (404|409|422|502|503)|ERR_(INTERNET_DISCONNECTED|FAILED)/ });
  for (const phone of [true, false]) {
    test(`nothing is wider than ${phone ? "the phone" : "the screen"}`, async ({ house, person }) => {
      test.setTimeout(240_000);
      const flow = await scenes(house);
      const { sealUses } = await house.flow<{ sealUses: { ingestId: string }[] }>(flow.collecting);
      const page = await person("admin", { phone, language: "en" });
      await bend(page, /\/api\/flows(\?|$)/, (list) => {
        (list.items as Json[]).forEach(stretchHead);
        list.people = { ...(list.people as Json), ...LONG_PEOPLE };
      });
      await bend(page, /\/api\/flows\/counts/, (counts) =>
        Object.assign(counts, { todo: 1234, done: 12345, mine: 12345, all: 123456, trouble: 1234 }),
      );
      await bend(page, /\/api\/callbacks\/door/, (door) =>
        Object.assign(door, { open: true, secretSet: false, networksSet: false, refusedSealUses: 1234 }),
      );
      await bend(page, /\/api\/flows\/[0-9a-f-]{36}$/, stretchFlow);
      await bend(page, /\/api\/ingests\/[0-9a-f-]{36}$/, stretchIngest);
      await bend(page, /\/api\/sessions/, (list) =>
        (list.items as Json[]).forEach((one) =>
          Object.assign(one, { agent: LONG.repeat(3), address: "2001:db8:85a3:8d3:1319:8a2e:370:7348" }),
        ),
      );
      await bend(page, /\/api\/definitions\?/, (list) =>
        (list.items as Json[]).forEach((one) => Object.assign(one, { name: `${WORDS} ${LONG}` })),
      );

      await page.goto("/flows?tab=all");
      await expect(page.locator("[data-row]").first()).toBeVisible();
      await expect(page.getByText("Trouble 1234")).toBeVisible();
      await expect(page.getByText(LONG).first()).toBeVisible();
      await noSideways(page, "list");
      await noViolations(page, "list");
      await page.goto("/flows/new");
      await expect(page.locator(".type").first()).toBeVisible();
      await noSideways(page, "types");

      for (const [name, id] of Object.entries(flow)) {
        await page.goto(`/flows/${id}`);
        await expect(page.locator(".flow-h")).toBeVisible();
        await expect(page.getByText("Application", { exact: true }).first()).toBeVisible();
        await noSideways(page, name);
      }
      await page.goto(`/flows/${flow.collecting}`);
      await expect(page.locator(".photo.gap").first()).toBeVisible();
      await noViolations(page, "collecting");
      await openEach(page, "collecting", ["Activity 4", "Append uses", "End use", "Change time of use"]);
      await openEach(page, "collecting", ["Seal-use details", /Account menu$/, ...(phone ? ["More actions"] : [])]);
      await page.goto(`/flows/${flow.archived}?doc=`);
      await page.locator("button.photo").first().click();
      await expect(page.getByRole("dialog")).toBeVisible();
      await noSideways(page, "photo");

      await page.goto(`/flows/${flow.collecting}/ingest/${sealUses[0]!.ingestId}`);
      await expect(page.getByText("10,456 / 12,345 received").first()).toBeVisible();
      await noSideways(page, "ingest");
      await noViolations(page, "ingest");
      await page.goto("/me");
      await expect(page.getByRole("region", { name: "Sessions" }).getByRole("listitem").first()).toBeVisible();
      await noSideways(page, "me");

      // An act that is refused, with all that the service says; then the line is cut.
      await page.goto(`/flows/${flow.waiting}`);
      const problem = {
        type: "about:blank",
        title: "",
        status: 409,
        code: "not_now",
        detail: `${ERROR} ${LONG}`,
        errors: [],
      };
      await page.route(/\/approve$/, (route) =>
        route.fulfill({ status: 409, contentType: "application/problem+json", json: problem }),
      );
      await page.getByRole("button", { name: "Approve", exact: true }).click();
      await expect(page.getByRole("alert").first()).toContainText("Not possible now");
      await page.getByText("Details", { exact: true }).first().click();
      await noSideways(page, "refused");
      await page.getByRole("button", { name: "Copy number" }).click();
      await noSideways(page, "toast");
      await page.context().setOffline(true);
      await expect(page.locator(".offline")).toBeVisible();
      await noSideways(page, "offline");
      await page.context().setOffline(false);
    });
  }
});
