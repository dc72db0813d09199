// What a person must be able to rely on: nothing typed is lost, what is shown is true, and rights hold.
import type { Page } from "@playwright/test";
import { ANSWER, expect, PASSWORD, test } from "./kit/test";
import { bringStampedFile, scenes } from "./kit/scenes";

const NO_LINE =
  /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INTERNET_DISCONNECTED|ERR_FAILED|ERR_INCOMPLETE/;
const comment = (page: Page) => page.getByRole("textbox", { name: "评论" });
const opinion = (page: Page) => page.getByLabel("意见", { exact: true });
const counts = (page: Page) => page.locator("dl.counts");

test.describe("the service goes away", () => {
  test.use({ expected: NO_LINE });
  test("a restart while a person watches: the page says so, keeps what is typed, and goes on by itself", async ({
    house,
    person,
  }) => {
    const flow = await house.startFlow("重启时在看", 3);
    await house.approve(flow);
    const business = await house.business(flow);
    const wang = await person("wang");
    await wang.goto(`/flows/${flow}`);
    await expect(wang.locator(".live")).toHaveText("实时");
    await comment(wang).fill("写到一半");
    await house.stop("SIGKILL");
    await expect(wang.getByText("网络已断开，正在重连…已输入的内容会保留")).toBeVisible();
    await expect(wang.locator(".live")).toContainText("已断开");
    await expect(wang.getByRole("heading", { name: "重启时在看" })).toBeVisible();
    await house.stamp(business, 2);
    await house.start();
    await expect(counts(wang)).toContainText("收图2", { timeout: 30_000 });
    await expect(wang.locator(".live")).toHaveText("实时");
    await expect(comment(wang)).toHaveValue("写到一半");
    await comment(wang).press("Enter");
    await expect(comment(wang)).toHaveValue("");
  });

  test("offline and back: a write is refused at once, the text stays, then it is sent", async ({ house, person }) => {
    const flow = await house.startFlow("断网");
    const zhang = await person("zhang");
    await zhang.goto(`/flows/${flow}`);
    await comment(zhang).fill("断网时写的");
    await zhang.context().setOffline(true);
    await expect(zhang.locator(".offline")).toBeVisible();
    await comment(zhang).press("Enter");
    await expect(zhang.getByRole("alert").getByText("网络已断开")).toBeVisible();
    await expect(comment(zhang)).toHaveValue("断网时写的");
    await zhang.context().setOffline(false);
    await expect(zhang.locator(".offline")).toHaveCount(0);
    await comment(zhang).press("Enter");
    await expect(comment(zhang)).toHaveValue("");
    await zhang.getByRole("button", { name: /动态/ }).click();
    await expect(zhang.getByRole("dialog").getByText("断网时写的")).toBeVisible();
  });

  test("an upload that is cut says so and is sent again", async ({ house, person }) => {
    const flow = await house.startFlow("上传中断", 1);
    await house.approve(flow);
    await house.stamp(await house.business(flow), 1);
    await house.until("it is ready", async () => (await house.flow<{ phase: string }>(flow)).phase === "ready");
    const wang = await person("wang");
    let cut = true;
    await wang.route("**/fields/stamped/files", (route) => (cut ? route.abort("connectionreset") : route.continue()));
    await wang.goto(`/flows/${flow}`);
    const card = wang.getByRole("region", { name: "用印后文件" });
    await card.locator("input[type=file]").setInputFiles({
      name: "合同.pdf",
      mimeType: "application/pdf",
      buffer: Buffer.from("%PDF-1.7\n%%EOF\n"),
    });
    await expect(card.getByText("没有上传")).toBeVisible();
    cut = false;
    await card.getByRole("button", { name: "重新上传" }).click();
    await expect(card.getByRole("link", { name: "合同.pdf" })).toBeVisible();
    await expect(card.getByText("没有上传")).toHaveCount(0);
  });
});

test.describe("the session ends", () => {
  test.use({ expected: ANSWER(401) });
  test("an expired session with a half-written comment: the dialog asks for the password, and the comment is sent", async ({
    house,
    person,
  }) => {
    const flow = await house.startFlow("会话过期");
    const li = await person("li");
    await li.goto(`/flows/${flow}`);
    await opinion(li).fill("写了一半的意见");
    const cookies = (await li.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
    await fetch(`${house.base}/api/session`, {
      method: "DELETE",
      headers: { cookie: cookies },
    });
    await li.getByRole("button", { name: "同意" }).click();
    const dialog = li.getByRole("dialog", { name: "登录已过期" });
    await expect(dialog).toBeVisible();
    await expect(dialog.getByLabel("用户名")).toHaveValue("li");
    await li.keyboard.press("Escape");
    await expect(dialog).toBeVisible();
    await dialog.getByLabel("密码", { exact: true }).fill(PASSWORD);
    await dialog.getByRole("button", { name: "登录", exact: true }).click();
    await expect(dialog).toHaveCount(0);
    await expect(opinion(li)).toHaveValue("写了一半的意见");
    // What the dialog has said is over.
    await expect(li.getByRole("alert")).toHaveCount(0);
    // A write is never sent twice by itself: the person presses again.
    expect((await house.flow<{ phase: string }>(flow)).phase).toBe("approving");
    await li.getByRole("button", { name: "同意" }).click();
    await expect(li.getByText("写了一半的意见")).toBeVisible();
    expect((await house.flow<{ phase: string }>(flow)).phase).toBe("using");
  });

  test("an upload after the end of the session asks for the password, and the file is sent again", async ({
    house,
    person,
  }) => {
    const flow = await house.startFlow("上传时会话过期", 1);
    await house.approve(flow);
    await house.stamp(await house.business(flow), 1);
    await house.until("it is ready", async () => (await house.flow<{ phase: string }>(flow)).phase === "ready");
    const wang = await person("wang");
    await wang.goto(`/flows/${flow}`);
    const card = wang.getByRole("region", { name: "用印后文件" });
    await expect(card.getByRole("button", { name: /选择文件/ })).toBeVisible();
    const cookies = (await wang.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
    await fetch(`${house.base}/api/session`, { method: "DELETE", headers: { cookie: cookies } });
    await card.locator("input[type=file]").setInputFiles({
      name: "合同.pdf",
      mimeType: "application/pdf",
      buffer: Buffer.from("%PDF-1.7\n%%EOF\n"),
    });
    const dialog = wang.getByRole("dialog", { name: "登录已过期" });
    await dialog.getByLabel("密码", { exact: true }).fill(PASSWORD);
    await dialog.getByRole("button", { name: "登录", exact: true }).click();
    await expect(dialog).toHaveCount(0);
    await card.getByRole("button", { name: "重新上传" }).click();
    await expect(card.getByRole("link", { name: "合同.pdf" })).toBeVisible();
  });

  test("a wrong password is said, and a page of ours comes after the login", async ({ house, stranger }) => {
    const flow = await house.startFlow("登录后回到这里");
    const page = await stranger();
    await page.goto(`/flows/${flow}?doc=`);
    await expect(page).toHaveURL(/\/login\?next=/);
    await page.getByLabel("用户名").fill("zhang");
    await page.getByLabel("密码", { exact: true }).fill("wrong");
    await page.getByRole("button", { name: "登录", exact: true }).click();
    await expect(page.getByRole("alert")).toHaveText("用户名或密码不正确");
    await expect(page.getByLabel("密码", { exact: true })).toBeFocused();
    await page.getByLabel("密码", { exact: true }).fill(PASSWORD);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "登录后回到这里" })).toBeVisible();
    await page.getByRole("button", { name: "账户菜单" }).click();
    await page.getByRole("menuitem", { name: "退出" }).click();
    await expect(page).toHaveURL(/\/login$/);
  });
});

test.describe("two people act", () => {
  test.use({ expected: new RegExp(`${ANSWER(409).source}|${NO_LINE.source}`) });
  test("two approvers at once: the second is told who was first, and keeps the text", async ({ house, person }) => {
    const flow = await house.startFlow("两人同时审批", 1, "pair");
    const li = await person("li");
    // This page gets no hint, so it does not know what happens meanwhile.
    await li.route("**/api/events", (route) => route.abort());
    await li.goto(`/flows/${flow}`);
    await opinion(li).fill("我也同意");
    await house.api("qian", "POST", `/api/flows/${flow}/approve`, {
      comment: "同意",
    });
    await li.getByRole("button", { name: "同意" }).click();
    const alert = li.getByRole("alert");
    await expect(alert).toContainText("流程已离开该节点");
    await expect(alert).toContainText(/钱七 已于 .* 同意/);
    await expect(opinion(li)).toHaveValue("我也同意");
    await li.getByRole("button", { name: "作为评论发送" }).click();
    await expect(opinion(li)).toHaveCount(0);
    await li.getByRole("button", { name: /动态/ }).click();
    await expect(li.getByRole("dialog").getByText("我也同意")).toBeVisible();
  });
});

test("what was typed survives a reload and a closed tab, until it is thrown away", async ({ house, person }) => {
  const zhang = await person("zhang");
  const address = `/flows/new?type=${house.definitions.field}`;
  await zhang.goto(address);
  await zhang.getByLabel("用印主题").fill("写了一半的申请");
  await zhang.getByLabel("第 1 行 用印次数").fill("7");
  await zhang.reload();
  await expect(zhang.getByLabel("用印主题")).toHaveValue("写了一半的申请");
  await expect(zhang.getByLabel("第 1 行 用印次数")).toHaveValue("7");
  const tab = await zhang.context().newPage();
  await zhang.close();
  await tab.goto(address);
  await expect(tab.getByLabel("用印主题")).toHaveValue("写了一半的申请");
  await expect(tab.getByText(/已恢复 .* 的草稿/)).toBeVisible();
  await tab.getByRole("button", { name: "丢弃" }).click();
  await expect(tab.getByLabel("用印主题")).toHaveValue("");
  await tab.reload();
  await expect(tab.getByLabel("用印主题")).toHaveValue("");
});

test("by keyboard only, from the login to the archive", async ({ house, stranger }) => {
  test.slow();
  const signIn = async (name: string) => {
    const page = await stranger();
    await page.goto("/login");
    await expect(page.getByLabel("用户名")).toBeFocused();
    await page.keyboard.type(name);
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "流程", level: 1 })).toBeVisible();
    return page;
  };
  const zhang = await signIn("zhang");
  await zhang.keyboard.press("c");
  await expect(zhang.getByRole("heading", { name: "发起流程" })).toBeVisible();
  await expect(zhang.getByRole("link", { name: /物理用印申请/ })).toBeVisible();
  await tabTo(zhang, /^物理用印申请/);
  await zhang.keyboard.press("Enter");
  await expect(zhang.getByLabel("用印主题")).toBeVisible();
  await tabTo(zhang, "用印主题");
  await zhang.keyboard.type("全程键盘");
  await zhang.keyboard.press("Tab");
  await zhang.keyboard.type("上海印库科技有限公司");
  await tabTo(zhang, "第 1 行 物理印章");
  await zhang.keyboard.type("公章");
  await expect(zhang.getByRole("option", { name: /公章/ }).first()).toBeVisible();
  await zhang.keyboard.press("Enter");
  await tabTo(zhang, "第 1 行 用印次数");
  await zhang.keyboard.type("1");
  await tabTo(zhang, "第 1 行 用印人");
  await zhang.keyboard.type("王五");
  await expect(zhang.getByRole("option", { name: /王五/ })).toBeVisible();
  await zhang.keyboard.press("Enter");
  await zhang.keyboard.press("Control+Enter");
  await expect(zhang.getByRole("heading", { name: "全程键盘" })).toBeVisible();
  const flow = new URL(zhang.url()).pathname.split("/").at(-1)!;

  const li = await signIn("li");
  await expect(li.getByRole("link", { name: "全程键盘" })).toBeVisible();
  await li.keyboard.press("j");
  await expect(li.getByRole("link", { name: "全程键盘" })).toBeFocused();
  await li.keyboard.press("Enter");
  await expect(li.getByRole("heading", { name: "全程键盘" })).toBeVisible();
  await expect(opinion(li)).toBeVisible();
  await li.keyboard.press("a");
  await expect(opinion(li)).toBeFocused();
  await li.keyboard.type("可以");
  await li.keyboard.press("Control+Enter");
  await expect(li.getByText("可以", { exact: true })).toBeVisible();

  const wang = await signIn("wang");
  await expect(wang.getByRole("link", { name: "全程键盘" })).toBeVisible();
  await tabTo(wang, "全程键盘");
  await wang.keyboard.press("Enter");
  await expect(wang.getByRole("button", { name: "查看用印码" })).toBeVisible();
  await tabTo(wang, "查看用印码");
  await wang.keyboard.press("Enter");
  await expect(wang.getByRole("dialog", { name: "用印码" })).toBeVisible();
  await wang.keyboard.press("Escape");
  await expect(wang.getByRole("button", { name: "查看用印码" })).toBeFocused();
  await house.stamp(await house.business(flow), 1);
  const choose = wang.getByRole("button", { name: "用印后文件：选择文件" });
  await expect(choose).toBeVisible();
  // The flow is past its seal node: what follows moves nothing on the page.
  await expect(wang.getByText("待归档").first()).toBeVisible();
  // From here on, because the browser is told of it by a message of its own.
  const chooser = wang.waitForEvent("filechooser", { timeout: 30_000 });
  await tabTo(wang, "用印后文件：选择文件");
  await wang.keyboard.press("Enter");
  await (
    await chooser
  ).setFiles({
    name: "盖章.pdf",
    mimeType: "application/pdf",
    buffer: Buffer.from("%PDF-1.7\n%%EOF\n"),
  });
  await expect(wang.getByText(/已归档 /)).toBeVisible({ timeout: 30_000 });
});

/** Presses Tab until the control with this name has the focus. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let at = 0; at < 60; at += 1) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement;
      const labels = [...((element as HTMLInputElement).labels ?? [])].map((label) => label.textContent ?? "");
      return (element.getAttribute("aria-label") ?? labels[0] ?? element.textContent ?? "").replace(/ \*$/, "").trim();
    });
    if (typeof name === "string" ? found === name : name.test(found)) return;
  }
  throw new Error(`Tab does not reach ${name}`);
}

test.describe("rights", () => {
  test.use({ expected: ANSWER(404) });
  test("what a person may not see is nowhere, and what a person may not do has no button", async ({
    house,
    person,
  }) => {
    const flow = await scenes(house);
    const qian = await person("qian");
    await qian.goto("/flows?tab=all");
    await expect(qian.getByText("授权委托书：设备验收")).toHaveCount(0);
    await qian.goto(`/flows/${flow.using}`);
    await expect(qian.getByText("这里没有内容，或者您无权查看")).toBeVisible();
    await expect(qian.getByText("授权委托书")).toHaveCount(0);

    // The auditor reads everything, and has no code and no act.
    const sun = await person("sun");
    await sun.goto(`/flows/${flow.using}`);
    await expect(sun.getByRole("heading", { name: "授权委托书：设备验收" })).toBeVisible();
    await expect(sun.getByRole("button", { name: "查看用印详情" })).toBeVisible();
    for (const name of ["查看用印码", "追加用印次数", "结束用印", "同意", "撤回", "归档"]) {
      await expect(sun.getByRole("button", { name, exact: true })).toHaveCount(0);
    }
    // The starter sees the flow, without the code.
    const zhang = await person("zhang");
    await zhang.goto(`/flows/${flow.using}`);
    await expect(zhang.getByRole("heading", { name: "授权委托书：设备验收" })).toBeVisible();
    await expect(zhang.getByRole("button", { name: "查看用印码" })).toHaveCount(0);
    // Faces are for those entitled to them.
    await zhang.goto(`/flows/${flow.archived}`);
    await expect(zhang.getByRole("button", { name: /公章 第 1 张/ })).toBeVisible();
    await expect(zhang.getByRole("button", { name: "显示" })).toHaveCount(0);
    await sun.goto(`/flows/${flow.archived}`);
    await sun.getByRole("button", { name: "显示" }).click();
    await expect(sun.getByRole("button", { name: /人脸 第 1 张/ })).toBeVisible();
  });
});

test("new rows wait for the reader, known rows change in place", async ({ house, person }) => {
  const first = await house.startFlow("先到的流程");
  const zhang = await person("zhang");
  await zhang.goto("/flows?tab=mine");
  await expect(zhang.getByRole("link", { name: "先到的流程" })).toBeVisible();
  await house.startFlow("后来的流程");
  await expect(zhang.getByRole("button", { name: /有 1 条更新/ })).toBeVisible();
  await expect(zhang.getByRole("link", { name: "后来的流程" })).toHaveCount(0);
  await house.api("zhang", "POST", `/api/flows/${first}/withdraw`, {});
  await expect(zhang.getByRole("row", { name: /先到的流程/ })).toContainText("已撤回");
  await zhang.getByRole("button", { name: /有 1 条更新/ }).click();
  await expect(zhang.getByRole("link", { name: "后来的流程" })).toBeVisible();
});

test("a long list has few rows in the page, and Back finds the place where it was left", async ({ house, person }) => {
  test.slow();
  for (let at = 1; at <= 130; at += 1) await house.startFlow(`长列表 ${String(at).padStart(3, "0")}`, 1);
  const zhang = await person("zhang");
  await zhang.goto("/flows?tab=mine&q=长列表");
  await expect(zhang.getByText("已显示 50 条，向下滚动继续")).toBeVisible();
  const main = zhang.locator("#main");
  await expect(async () => {
    await main.evaluate((box) => box.scrollTo({ top: box.scrollHeight }));
    await expect(zhang.getByText("共 130 条")).toBeVisible({ timeout: 500 });
  }).toPass();
  await main.evaluate((box) => box.scrollTo({ top: box.scrollHeight }));
  await expect(zhang.getByRole("link", { name: "长列表 001" })).toBeVisible();
  expect(await zhang.locator("tbody tr").count()).toBeLessThan(60);
  await main.evaluate((box) => box.scrollTo({ top: 60 * 62 }));
  const row = zhang.getByRole("link", { name: "长列表 066" });
  await row.click();
  await expect(zhang.getByRole("heading", { name: "长列表 066" })).toBeVisible();
  await zhang.goBack();
  await expect(row).toBeFocused();
  expect(Math.abs((await main.evaluate((box) => box.scrollTop)) - 60 * 62)).toBeLessThan(400);
});

test("language and theme are kept, and the address holds every filter", async ({ house, person }) => {
  await scenes(house);
  // The newest flow is in the first page of the list, whatever other stories have started.
  await house.startFlow("没有筛选时在最前");
  const wang = await person("wang");
  await wang.goto("/flows?tab=all");
  await wang.getByRole("button", { name: "切换到 English" }).click();
  await wang.getByRole("button", { name: "Dark theme" }).click();
  await wang.getByRole("button", { name: "Missing photos only" }).click();
  await expect(wang).toHaveURL(/missing=true/);
  await expect(wang.getByRole("link", { name: "年度采购框架合同（华东区）" })).toBeVisible();
  await expect(wang.getByRole("link", { name: "保密协议：海川咨询" })).toHaveCount(0);
  await wang.reload();
  await expect(wang.getByRole("heading", { name: "Flows" })).toBeVisible();
  await expect(wang.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(wang.locator("html")).toHaveAttribute("lang", "en");
  await wang.getByRole("button", { name: "State" }).click();
  await wang.getByRole("combobox", { name: "State" }).selectOption({ label: "Archived" });
  // Other stories may have archived a flow that lacks a photo.
  await expect(wang.getByRole("link", { name: "年度采购框架合同（华东区）" })).toHaveCount(0);
  await wang.getByRole("searchbox", { name: "Find in the list" }).fill("没有这样的主题");
  await expect(wang.getByText("Nothing matches")).toBeVisible();
  await wang.getByRole("link", { name: "Clear filters" }).click();
  await expect(wang.getByRole("link", { name: "没有筛选时在最前" })).toBeVisible();
});

test("downloads: by the button into the field, as one zip, and what is here of it", async ({ house, person }) => {
  const flow = await scenes(house);
  const wang = await person("wang");
  // Into the field: the page of the ingest shows what comes.
  await wang.goto(`/flows/${flow.collecting}`);
  await wang.getByRole("button", { name: "下载用印图片" }).click();
  await expect(wang).toHaveURL(/\/ingest\//);
  await expect(wang.getByText(/收到 4 \/ 6/)).toBeVisible();
  await expect(wang.getByText("契约锁 HTTP 404").first()).toBeVisible();
  // As one zip, to the own machine.
  await wang.goto(`/flows/${flow.local}`);
  const download = wang.waitForEvent("download");
  await wang.getByRole("button", { name: "下载全部" }).click();
  expect((await download).suggestedFilename()).toMatch(/\.zip$/);
  expect(await (await download).failure()).toBeNull();
});

test.describe("photos that are still missing", () => {
  test.use({ expected: ANSWER(503) });
  test("a zip says what is missing, and gives what is here", async ({ house, person }) => {
    const flow = await house.startFlow("缺图的压缩包", 2, "local");
    await house.approve(flow);
    const business = await house.business(flow);
    await house.stamp(business, 1);
    await house.stampAndLose(business);
    await house.until(
      "a photo is missing",
      async () => ((await house.flow<{ counts: { missing: number } | null }>(flow)).counts?.missing ?? 0) === 1,
    );
    const wang = await person("wang");
    await wang.goto(`/flows/${flow}`);
    await wang.getByRole("button", { name: "下载全部" }).click();
    const dialog = wang.getByRole("dialog", { name: "图片还没有收齐" });
    await expect(dialog).toBeVisible({ timeout: 30_000 });
    const download = wang.waitForEvent("download");
    await dialog.getByRole("button", { name: "先下载已有的 1 张" }).click();
    expect((await download).suggestedFilename()).toMatch(/\.zip$/);
  });
});

test("a photo that the box has lost is brought by hand, and the flow is archived", async ({ house, person }) => {
  const flow = await house.startFlow("补传", 1);
  await house.approve(flow);
  await house.stamp(await house.business(flow), 1, 0, { signatory: 0 });
  await house.until("it collects", async () => (await house.flow<{ phase: string }>(flow)).phase === "collecting");
  const wang = await person("wang");
  await wang.goto(`/flows/${flow}`);
  const supply = wang.getByRole("button", { name: "为“公章”补传图片" });
  const chooser = wang.waitForEvent("filechooser", { timeout: 30_000 });
  await expect(supply).toBeVisible();
  await supply.click();
  const png = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  );
  await (await chooser).setFiles({ name: "现场.png", mimeType: "image/png", buffer: png });
  await expect(counts(wang)).toContainText("还差0");
  // The tile says who brought it, and when.
  const tile = wang.getByRole("button", { name: /公章 第 1 张 · 补传 · 王五 \d\d:\d\d/ });
  await expect(tile.getByText(/^王五 \d\d:\d\d$/)).toBeVisible();
  await bringStampedFile(house, flow);
  await expect(wang.getByText(/已归档 /)).toBeVisible({ timeout: 30_000 });
});
