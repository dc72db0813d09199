// What every page promises beside its stories: focus, menus, live figures, downloads, and what is gone.
import { ANSWER, expect, test } from "./kit/test";
import { scenes } from "./kit/scenes";

test("a dialog starts at its first field, a confirmation at its harmless button, and Esc leads back", async ({
  house,
  person,
}) => {
  const flow = await scenes(house);
  const wang = await person("wang");
  await wang.goto(`/flows/${flow.using}`);
  await wang.getByRole("button", { name: "追加用印次数" }).click();
  await expect(wang.getByLabel("追加次数")).toBeFocused();
  await wang.keyboard.press("Escape");
  await expect(wang.getByRole("button", { name: "追加用印次数" })).toBeFocused();

  // From one dialog into another: the way back is to the page.
  await wang.getByRole("button", { name: "查看用印详情" }).click();
  await wang.getByRole("dialog").getByRole("button", { name: "结束用印" }).click();
  await expect(wang.getByLabel("原因")).toBeFocused();
  await wang.keyboard.type("写了一半");
  await wang.keyboard.press("Escape");
  await expect(wang.getByRole("dialog")).toHaveCount(0);
  await expect(wang.getByRole("button", { name: "查看用印详情" })).toBeFocused();
  // What was typed there is offered again.
  await wang.getByRole("button", { name: "结束用印", exact: true }).click();
  await expect(wang.getByLabel("原因")).toHaveValue("写了一半");
  await wang.getByRole("button", { name: "丢弃" }).click();
  await expect(wang.getByLabel("原因")).toHaveValue("");
  await wang.keyboard.press("Escape");

  const draft = await house.api<{ id: string }>("zhang", "POST", "/api/flows", {
    definitionId: house.definitions.field,
    form: { subject: "确认时不误删" },
    draft: true,
  });
  const zhang = await person("zhang");
  await zhang.goto(`/flows/${draft.id}`);
  await zhang.getByRole("button", { name: "删除草稿" }).click();
  await expect(zhang.getByRole("dialog").getByRole("button", { name: "取消" })).toBeFocused();
});

test("buttons that are out of sight are in the menu of the head", async ({ house, person }) => {
  const flow = await scenes(house);
  const wang = await person("wang");
  await wang.goto(`/flows/${flow.using}`);
  await expect(wang.getByRole("button", { name: "查看用印码" })).toBeInViewport();
  await expect(wang.getByRole("button", { name: "更多操作" })).toHaveCount(0);
  await wang.setViewportSize({ width: 1440, height: 320 });
  await wang.getByRole("button", { name: "更多操作" }).click();
  await wang.getByRole("menuitem", { name: "查看用印码" }).click();
  await expect(wang.getByRole("dialog", { name: "用印码" })).toBeVisible();
  await wang.keyboard.press("Escape");
  await expect(wang.getByRole("button", { name: "更多操作" })).toBeFocused();
});

test("the page of an ingest counts while photos come", async ({ house, person }) => {
  const flow = await house.startFlow("入库直播", 3);
  await house.approve(flow);
  const business = await house.business(flow);
  await house.stamp(business, 1);
  const ingest = async () =>
    (await house.flow<{ sealUses: { ingestId: string }[] }>(flow)).sealUses.find((used) => used.ingestId)!.ingestId;
  const wang = await person("wang");
  await wang.goto(`/flows/${flow}/ingest/${await ingest()}`);
  await expect(wang.getByText(/收到 1 \/ 1/)).toBeVisible();
  await house.stamp(business, 1);
  await expect(wang.getByText(/收到 2 \/ 2/)).toBeVisible();
  // The third is listed and cannot be fetched: it stands first, with its reason and two ways out.
  await house.stampAndLose(business);
  const lost = wang.getByRole("row", { name: /公章 第 3 张/ });
  await expect(lost).toContainText("契约锁 HTTP 404");
  await expect(lost.getByRole("button", { name: "公章 第 3 张：重试" })).toBeVisible();
  const chooser = wang.waitForEvent("filechooser");
  await lost.getByRole("button", { name: "公章 第 3 张：补传" }).click();
  await chooser;
  await wang.getByRole("button", { name: "只看未收到" }).click();
  await expect(wang.getByText(/^已收到 2/)).toHaveCount(0);
});

test.describe("downloads that are made first", () => {
  test.use({ expected: ANSWER(503) });
  test("an evidence package says what is in it, and is downloaded", async ({ house, person }) => {
    const flow = await scenes(house);
    const zhang = await person("zhang");
    await zhang.goto(`/flows/${flow.archived}`);
    await expect(zhang.getByText("清单 #1")).toBeVisible();
    await zhang.getByRole("button", { name: "证据包" }).click();
    const dialog = zhang.getByRole("dialog", { name: "证据包" });
    const contents = dialog.getByRole("table", { name: "内容" });
    await expect(contents.getByRole("row", { name: /^图片 4 个文件/ })).toBeVisible({ timeout: 60_000 });
    await expect(contents.getByRole("row", { name: /用印后文件 1 个文件/ })).toBeVisible();
    await expect(dialog.getByText("已归档 · 清单 #1")).toBeVisible();
    await expect(dialog.getByText("不含 4 张人脸或类型未知的照片，包内会注明。")).toBeVisible();
    // The identity is that of the service, and the faces are for those who read everything.
    const { s } = await house.api<{ s: string }>("zhang", "GET", `/api/flows/${flow.archived}/evidence`);
    await expect(dialog.getByText(s)).toBeVisible();
    await expect(dialog.getByRole("checkbox")).toHaveCount(0);
    await dialog.getByText("如何验证").click();
    await expect(dialog.getByRole("link", { name: /verify\.html/ })).toBeVisible();
    const download = zhang.waitForEvent("download", { timeout: 60_000 });
    await dialog.getByRole("button", { name: "下载", exact: true }).click();
    expect((await download).suggestedFilename()).toMatch(/\.zip$/);
    expect(await (await download).failure()).toBeNull();

    const sun = await person("sun");
    await sun.goto(`/flows/${flow.archived}`);
    await sun.getByRole("button", { name: "证据包" }).click();
    const whole = sun.getByRole("dialog", { name: "证据包" });
    await whole.getByRole("checkbox", { name: "包含人脸照片" }).check();
    await expect(whole.getByRole("row", { name: /^图片 8 个文件/ })).toBeVisible({ timeout: 60_000 });
    await expect(whole.getByText(/不含/)).toHaveCount(0);
  });
});

test.describe("what is gone", () => {
  test.use({ expected: new RegExp(`${ANSWER(404).source}|ERR_FAILED`) });
  test("an act on a flow that is gone says so and leads to the list; the old text does not stay", async ({
    house,
    person,
  }) => {
    const draft = async () =>
      (
        await house.api<{ id: string }>("zhang", "POST", "/api/flows", {
          definitionId: house.definitions.field,
          form: { subject: "已经删除的草稿" },
          draft: true,
        })
      ).id;
    const [pressed, watched] = [await draft(), await draft()];
    const zhang = await person("zhang");
    await zhang.route("**/api/events", (route) => route.abort());
    await zhang.goto(`/flows/${pressed}/edit`);
    await expect(zhang.getByLabel("用印主题")).toHaveValue("已经删除的草稿");
    await house.api("zhang", "POST", `/api/flows/${pressed}/withdraw`, {});
    await zhang.getByRole("button", { name: "删除草稿" }).click();
    await zhang.getByRole("dialog").getByRole("button", { name: "删除草稿" }).click();
    await expect(zhang.getByText("没有找到，或您无权查看").first()).toBeVisible();
    await expect(zhang).toHaveURL(/\/flows$/);

    const other = await person("zhang");
    await other.goto(`/flows/${watched}/edit`);
    await expect(other.getByLabel("用印主题")).toHaveValue("已经删除的草稿");
    await house.api("zhang", "POST", `/api/flows/${watched}/withdraw`, {});
    // The tab becomes visible again, so everything on it is read again.
    await other.evaluate(() => dispatchEvent(new Event("visibilitychange")));
    await expect(other.getByText("这里没有内容，或者您无权查看")).toBeVisible();
    await expect(other.getByLabel("用印主题")).toHaveCount(0);
  });
});

test("a seal use that a return has ended is kept at the end of the page, closed", async ({ house, person }) => {
  const flow = await house.startFlow("退回后再次用印", 2);
  await house.approve(flow);
  const first = await house.business(flow);
  await house.api("wang", "POST", `/api/flows/${flow}/reject`, { comment: "次数不对", to: "start" });
  const state = async () => (await house.flow<{ state: string }>(flow)).state;
  await house.until("it is back", async () => (await state()) === "rejected");
  await house.api("zhang", "POST", `/api/flows/${flow}/submit`, { form: {} });
  await house.approve(flow);
  await house.until("another seal use is there", async () => (await house.business(flow)) !== first);
  const wang = await person("wang");
  await wang.goto(`/flows/${flow}`);
  const old = wang.locator("details", { hasText: "已被替代的用印申请（1）" });
  await expect(old.getByText(/公章 · 上海印库科技有限公司 · 王五/)).toBeHidden();
  await old.locator("summary").click();
  await expect(old.getByText(/公章 · 上海印库科技有限公司 · 王五/)).toBeVisible();
  await expect(old.getByText("已结束")).toBeVisible();
});
