// What people do beside the straight way: the back button, two tabs, the keyboard alone, a vendor that does not answer.
import type { Page } from "@playwright/test";
import { ANSWER, expect, noSideways, noViolations, PASSWORD, test } from "./kit/test";
import { scenes } from "./kit/scenes";

const dialog = (page: Page, name: string) => page.getByRole("dialog", { name });

test("a button that shows only an icon says its name to the pointer and to the keyboard", async ({ house, person }) => {
  const flow = await scenes(house);
  const wang = await person("wang");
  await wang.goto("/flows");
  const tip = wang.locator(".tip");
  await wang.getByRole("button", { name: "深色主题" }).hover();
  await expect(tip).toHaveText("深色主题");
  await noViolations(wang, "a tooltip");
  await wang.mouse.move(700, 700);
  await expect(tip).toHaveCount(0);

  await wang.getByRole("searchbox", { name: "搜索流程" }).focus();
  await wang.keyboard.press("Tab");
  await expect(tip).toHaveText("切换到 English");
  await wang.keyboard.press("Escape");
  await expect(tip).toHaveCount(0);
  await expect(wang.getByRole("button", { name: "切换到 English" })).toBeFocused();

  // Above a dialog, too.
  await wang.goto(`/flows/${flow.using}`);
  await wang.getByRole("button", { name: "结束用印", exact: true }).click();
  await expect(wang.getByLabel("原因")).toBeFocused();
  await wang.keyboard.press("Shift+Tab");
  await expect(dialog(wang, "结束用印").getByRole("button", { name: "关闭" })).toBeFocused();
  await expect(tip).toHaveText("关闭");
  await wang.keyboard.press("Escape");
  await expect(wang.getByRole("dialog")).toHaveCount(0);
  await expect(tip).toHaveCount(0);

  // The navigation that shows only its icons.
  await wang.setViewportSize({ width: 1000, height: 800 });
  await wang.getByRole("navigation", { name: "主导航" }).getByRole("link").hover();
  await expect(tip).toHaveText("流程");
});

test("a seal code is hidden after a minute, when it is asked to, and when its tab is left", async ({
  house,
  person,
}) => {
  const flow = await house.startFlow("用印码的一分钟", 3);
  await house.approve(flow);
  const business = await house.business(flow);
  const wang = await person("wang");
  await wang.clock.install();
  let views = 0;
  wang.on("request", (request) => (views += request.url().endsWith("/seal-code") ? 1 : 0));
  await wang.goto(`/flows/${flow}`);
  await wang.getByRole("button", { name: "查看用印码" }).click();
  const code = dialog(wang, "用印码");
  const digits = code.getByText(/用印码( \d){6}/);
  await expect(digits).toBeAttached();
  // Who wants little motion has the number alone.
  await expect(code.getByRole("timer")).toHaveText(/^\d+ 秒后自动隐藏$/);
  await expect(code.getByRole("progressbar")).toHaveCount(0);
  await wang.emulateMedia({ reducedMotion: "no-preference" });
  await expect(code.getByRole("progressbar")).toBeVisible();
  await wang.emulateMedia({ reducedMotion: "reduce" });
  await wang.clock.runFor(50_000);
  await expect(code.getByRole("timer")).toHaveText(/^\d 秒后自动隐藏$/);
  await expect(digits).toBeAttached();
  await wang.clock.runFor(10_000);
  await expect(digits).toHaveCount(0);
  await expect(code.getByText("用印码已隐藏")).toBeAttached();
  expect(await code.locator(".code").textContent()).not.toMatch(/\d/);

  await code.getByRole("button", { name: "查看" }).click();
  await expect(digits).toBeAttached();
  await code.getByRole("button", { name: "隐藏" }).click();
  await expect(digits).toHaveCount(0);

  // A tab that is left shows no digits when it is seen again.
  await code.getByRole("button", { name: "查看" }).click();
  await wang.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await wang.clock.runFor(9_000);
  await expect(digits).toBeAttached();
  await wang.clock.runFor(1_500);
  await expect(digits).toHaveCount(0);
  await wang.evaluate(() => {
    Reflect.deleteProperty(document, "visibilityState");
    document.dispatchEvent(new Event("visibilitychange"));
  });

  // What is left comes from the flow: each read of the code is a view on record.
  await house.stamp(business, 1);
  await house.until("the box has counted", async () => {
    const { sealUses } = await house.flow<{ sealUses: { counted: number }[] }>(flow);
    return sealUses[0]?.counted === 1;
  });
  await wang.clock.runFor(5_000);
  await expect(code.getByText("剩余 2 次")).toBeVisible();
  expect(views).toBe(1);
});

test("of several seals one code is seen at a time, and a code that the vendor has not given is read again", async ({
  house,
  person,
}) => {
  const form = {
    subject: "两个印章的用印码",
    company: "上海印库科技有限公司",
    seals: ["QYS2019040001", "QYS2019040002"].map((seal) => ({ seal, count: 1, users: ["wang"] })),
  };
  const definitionId = house.definitions.field;
  const flow = (await house.api<{ id: string }>("zhang", "POST", "/api/flows", { definitionId, form })).id;
  await house.approve(flow);
  await house.business(flow);
  const wang = await person("wang");
  await wang.goto(`/flows/${flow}`);
  await wang.getByRole("button", { name: "查看用印码" }).click();
  const code = dialog(wang, "用印码");
  const cards = code.locator(".codebox");
  const digits = (card: number) => cards.nth(card).getByText(/用印码( \d){6}/);
  await expect(cards).toHaveCount(2);
  await expect(digits(0)).toBeAttached();
  await expect(digits(1)).toHaveCount(0);
  await cards.nth(1).getByRole("button", { name: "查看" }).click();
  await expect(digits(1)).toBeAttached();
  await expect(digits(0)).toHaveCount(0);
  // It is typed at a box, so nothing copies it.
  await expect(code.getByRole("button", { name: /复制/ })).toHaveCount(0);
  await wang.keyboard.press("Escape");

  let given = false;
  await wang.route("**/seal-code", async (route) => {
    const response = await route.fetch();
    const codes = (await response.json()) as object[];
    await route.fulfill({ response, json: given ? codes : codes.map((one) => ({ ...one, code: null })) });
  });
  await wang.getByRole("button", { name: "查看用印码" }).click();
  await expect(code.getByText("契约锁还没有返回用印码").first()).toBeVisible();
  given = true;
  await code.getByRole("button", { name: "重新读取" }).first().click();
  await expect(digits(0)).toBeAttached();
});

test("the back button closes what is open, and only then leaves the page", async ({ house, person }) => {
  const flow = await house.startFlow("返回键", 2);
  await house.approve(flow);
  await house.business(flow);
  const wang = await person("wang", { phone: true });
  await wang.goto("/flows?tab=all");
  await wang.getByRole("link", { name: /返回键/ }).click();
  await wang.locator(".sticky").getByRole("button", { name: "更多操作" }).click();
  await wang.getByRole("menuitem", { name: "结束用印" }).click();
  await wang.getByLabel("原因").fill("写了一半");
  await wang.goBack();
  await expect(wang.getByRole("dialog")).toHaveCount(0);
  await expect(wang).toHaveURL(new RegExp(`/flows/${flow}$`));
  await expect(wang.getByRole("heading", { name: "返回键" })).toBeVisible();
  // A step that was taken back is none of the person: links go on as before.
  await wang.locator(".sticky").getByRole("button", { name: "更多操作" }).click();
  await wang.getByRole("menuitem", { name: "结束用印" }).click();
  await expect(wang.getByLabel("原因")).toHaveValue("写了一半");
  await wang.goBack();
  await wang.getByRole("link", { name: "个人设置" }).click();
  await expect(wang.getByRole("heading", { name: "个人设置" })).toBeVisible();
  await wang.goBack();
  await expect(wang.getByRole("heading", { name: "返回键" })).toBeVisible();
  await wang.goBack();
  await expect(wang).toHaveURL(/\/flows\?tab=all$/);
});

test.describe("one browser, two tabs", () => {
  test.use({ expected: /status of 40[14]/ });
  test("another person in one tab is that person in the other, which forgets what it showed", async ({
    house,
    stranger,
  }) => {
    const flow = await house.startFlow("两个标签页两个人", 1);
    const first = await stranger();
    const signIn = async (page: Page, name: string) => {
      await page.goto("/login");
      await page.getByLabel("用户名").fill(name);
      await page.getByLabel("密码", { exact: true }).fill(PASSWORD);
      await page.getByRole("button", { name: "登录", exact: true }).click();
      await expect(page.getByRole("heading", { name: "流程", level: 1 })).toBeVisible();
    };
    await signIn(first, "li");
    await first.goto(`/flows/${flow}`);
    await expect(first.getByRole("button", { name: "同意" })).toBeVisible();
    const second = await first.context().newPage();
    await signIn(second, "qian");
    await expect(first.getByRole("button", { name: "账户菜单" })).toContainText("钱七");
    await expect(first.getByText("这里没有内容，或者您无权查看")).toBeVisible();
    await expect(first.getByText("两个标签页两个人")).toHaveCount(0);
    // Signed out in one tab is signed out in both.
    await second.getByRole("button", { name: "账户菜单" }).click();
    await second.getByRole("menuitem", { name: "退出" }).click();
    await expect(first).toHaveURL(/\/login/);
  });
});

test("filters of the list by keyboard alone", async ({ house, person }) => {
  await scenes(house);
  const wang = await person("wang");
  await wang.goto("/flows?tab=all");
  const chip = wang.getByRole("button", { name: "状态", exact: true });
  await chip.focus();
  await wang.keyboard.press("Enter");
  const list = wang.getByRole("combobox", { name: "状态" });
  await expect(list).toBeFocused();
  for (let at = 0; at < 3; at += 1) await wang.keyboard.press("ArrowDown");
  await wang.keyboard.press("Enter");
  const chosen = wang.getByRole("button", { name: "清除筛选 状态：收图中" });
  await expect(chosen).toBeFocused();
  await expect(wang).toHaveURL(/phase=collecting/);
  await wang.keyboard.press("Enter");
  await expect(chip).toBeFocused();
  await expect(wang).not.toHaveURL(/phase=/);
  await wang.keyboard.press("Enter");
  await expect(list).toBeFocused();
  // The first one may close the open list of the browser.
  await expect(async () => {
    await wang.keyboard.press("Escape");
    await expect(chip).toBeFocused({ timeout: 500 });
  }).toPass();
  await expect(wang).not.toHaveURL(/phase=/);
});

test.describe("a part fails", () => {
  test.use({ expected: new RegExp(`${ANSWER(502).source}|ERR_FAILED`) });
  test("a thumbnail that cannot be read says so and is read again", async ({ house, person }) => {
    const flow = await scenes(house);
    const wang = await person("wang");
    let broken = true;
    await wang.route(/\/thumbnail\//, (route) => (broken ? route.abort() : route.continue()));
    await wang.goto(`/flows/${flow.archived}`);
    const tile = wang.getByRole("listitem").filter({ hasText: "缩略图读取失败" }).first();
    await expect(tile).toBeVisible();
    await noViolations(wang, "thumbnails that failed");
    broken = false;
    const failed = await wang.getByText("缩略图读取失败").count();
    await tile.getByRole("button", { name: "重试" }).click();
    await expect(wang.getByText("缩略图读取失败")).toHaveCount(failed - 1);
    await expect(wang.locator("button.photo img.here")).toHaveCount(1);
  });

  test("a vendor that does not list its seals leaves the name to be typed", async ({ house, person }) => {
    const zhang = await person("zhang");
    await zhang.route(/\/api\/services\/[^/]+\/seals/, (route) =>
      route.fulfill({
        status: 502,
        contentType: "application/problem+json",
        json: { type: "about:blank", title: "", status: 502, code: "vendor_failed", detail: "系统维护中", errors: [] },
      }),
    );
    await zhang.goto(`/flows/new?type=${house.definitions.field}`);
    await zhang.getByLabel("用印主题").fill("印章列表读不到");
    await zhang.getByLabel("发起组织").fill("上海印库科技有限公司");
    await zhang.getByRole("combobox", { name: "第 1 行 物理印章" }).click();
    await expect(zhang.getByText("无法读取印章列表，请直接输入印章名称。").first()).toBeVisible();
    await expect(zhang.getByText("系统维护中")).toBeVisible();
    await zhang.keyboard.type("合同专用章");
    await zhang.keyboard.press("Enter");
    await expect(zhang.getByRole("button", { name: "移除 合同专用章" })).toBeFocused();
  });

  test("an application that the vendor refused is shown, and an administrator sends it again", async ({
    house,
    person,
  }) => {
    const flow = await house.startFlow("申请被拒绝", 1);
    await house.vendorControl("/faults", {
      target: "apply",
      fault: { kind: "jsonError", code: 1000001, message: "印章已停用" },
      times: 1,
    });
    await house.approve(flow);
    const failed = async () => (await house.flow<{ trouble: string[] }>(flow)).trouble.includes("application_failed");
    await house.until("the application has failed", failed);
    const zhang = await person("zhang");
    await zhang.goto(`/flows/${flow}`);
    await expect(zhang.locator(".banner", { hasText: "用印申请失败" })).toContainText("印章已停用");
    await expect(zhang.getByRole("button", { name: "处理…" })).toHaveCount(0);

    const admin = await person("admin");
    await admin.goto(`/flows/${flow}`);
    await admin.getByRole("button", { name: "处理…" }).click();
    const resolve = dialog(admin, "处理用印申请");
    await expect(resolve.getByText("再次申请可能造成两份申请。")).toBeVisible();
    await resolve.getByRole("button", { name: "确定" }).click();
    await expect(resolve.getByText("请填写契约锁业务号")).toBeVisible();
    await noViolations(admin, "an application that failed");
    await resolve.getByLabel("重新申请").check();
    await resolve.getByRole("button", { name: "确定" }).click();
    await expect(resolve).toHaveCount(0);
    await expect(admin.locator(".banner", { hasText: "用印申请失败" })).toHaveCount(0);
    await house.business(flow);
  });
});

test.describe("without the stream of hints", () => {
  test.use({ expected: /ERR_FAILED/ });
  test("the page says that it reads every 3 s, and does", async ({ house, person }) => {
    const flow = await house.startFlow("没有事件流", 2);
    await house.approve(flow);
    const business = await house.business(flow);
    const wang = await person("wang");
    await wang.route("**/api/events", (route) => route.abort());
    await wang.goto(`/flows/${flow}`);
    await expect(wang.locator(".live")).toHaveText("每 3 秒刷新");
    await house.stamp(business, 2);
    await expect(wang.locator("dl.counts")).toContainText("收图2");
  });
});

test("a form in the middle keeps its values and says its errors in the other language", async ({ house, person }) => {
  const zhang = await person("zhang");
  await zhang.goto(`/flows/new?type=${house.definitions.field}`);
  await zhang.getByLabel("用印主题").fill("中途换语言");
  await zhang.getByRole("button", { name: "提交" }).click();
  await expect(zhang.getByText("请改正标出的 2 处")).toBeVisible();
  await zhang.getByRole("button", { name: "切换到 English" }).click();
  await expect(zhang.getByText("Correct the 2 marked fields")).toBeVisible();
  await expect(zhang.locator(".wrong").first()).not.toContainText("请");
  await expect(zhang.getByLabel("用印主题")).toHaveValue("中途换语言");
});

test("a window of 320 px and a zoom of 200 % cut nothing off", async ({ house, person }) => {
  test.setTimeout(120_000);
  const flow = await scenes(house);
  const { sealUses } = await house.flow<{ sealUses: { ingestId: string }[] }>(flow.collecting);
  const wang = await person("wang", { language: "en" });
  const paths = ["/flows?tab=all", "/flows/new", `/flows/new?type=${house.definitions.field}`, "/me"];
  paths.push(...Object.values(flow).map((id) => `/flows/${id}`));
  paths.push(`/flows/${flow.collecting}/ingest/${sealUses[0]!.ingestId}`);
  for (const [width, height] of [
    [320, 568],
    [720, 450],
  ] as const) {
    await wang.setViewportSize({ width, height });
    for (const path of paths) {
      await wang.goto(path);
      await expect(wang.locator("h1:visible")).toHaveCount(1);
      await expect(wang.locator("[aria-busy=true]")).toHaveCount(0);
      await noSideways(wang, `${path} at ${width}`);
    }
    await wang.goto(`/flows/${flow.using}`);
    for (const name of ["Seal code", "Seal-use details"]) {
      await wang.getByRole("button", { name, exact: true }).first().click();
      await expect(wang.getByRole("dialog")).toBeVisible();
      await noSideways(wang, `${name} at ${width}`);
      await wang.keyboard.press("Escape");
      await expect(wang.getByRole("dialog")).toHaveCount(0);
    }
  }
});

test("a search that is still being typed does not follow to the next page", async ({ house, person }) => {
  const flow = await scenes(house);
  const wang = await person("wang");
  await wang.goto("/flows?tab=all&missing=true");
  const link = wang.getByRole("link", { name: "年度采购框架合同（华东区）" });
  await expect(link).toBeVisible();
  await wang.getByRole("searchbox", { name: "在列表中查找" }).fill("年度");
  await link.click();
  await expect(wang.getByRole("heading", { name: "年度采购框架合同（华东区）" })).toBeVisible();
  await wang.getByRole("button", { name: /动态/ }).click();
  await expect(wang.getByRole("dialog")).toBeVisible();
  await expect(wang).toHaveURL(new RegExp(`/flows/${flow.collecting}$`));
});

test.describe("the service has newer pages", () => {
  test.use({ expected: /status of 404|ERR_FAILED|Failed to fetch dynamically imported module/ });
  test("a part that is gone is loaded anew with the page, and what was typed is there", async ({ house, person }) => {
    const flow = await house.startFlow("换了新版本");
    const li = await person("li");
    let old = true;
    await li.route(/assets\/(TransferDialog|ProfilePage)-/, (route) =>
      old ? route.fulfill({ status: 404, body: "" }) : route.continue(),
    );
    await li.goto(`/flows/${flow}`);
    await li.getByLabel("意见", { exact: true }).fill("升级前写的");
    // The page that is loaded anew has the new names of its parts.
    const anew = li.waitForEvent("framenavigated");
    await li.getByRole("button", { name: "转交" }).click();
    await anew;
    old = false;
    await expect(li.getByLabel("意见", { exact: true })).toHaveValue("升级前写的");
    await li.getByRole("button", { name: "转交" }).click();
    await expect(dialog(li, "转交给他人处理")).toBeVisible();
  });

  test("a page that does not come leaves the old one, and says why", async ({ house, person }) => {
    const flow = await house.startFlow("网络断在换页时");
    const li = await person("li");
    await li.goto(`/flows/${flow}`);
    await expect(li.getByRole("heading", { name: "网络断在换页时" })).toBeVisible();
    let cut = true;
    await li.route(/assets\/ProfilePage-|\/api\/|\/healthz/, (route) => (cut ? route.abort() : route.continue()));
    await li.getByRole("button", { name: "账户菜单" }).click();
    await li.getByRole("menuitem", { name: "个人设置" }).click();
    await expect(li.getByText("网络已断开，正在重连…已输入的内容会保留")).toBeVisible();
    await expect(li.getByRole("heading", { name: "网络断在换页时" })).toBeVisible();
    // Signing out needs the service, and says so.
    await li.getByRole("button", { name: "账户菜单" }).click();
    await li.getByRole("menuitem", { name: "退出" }).click();
    await expect(li.locator(".toast")).toBeVisible();
    cut = false;
    await expect(li.locator(".offline")).toHaveCount(0);
    await expect(li.getByRole("heading", { name: "网络断在换页时" })).toBeVisible();
  });
});

test("a row whose seal has two boxes offers them", async ({ house, person }) => {
  const zhang = await person("zhang");
  await zhang.goto(`/flows/new?type=${house.definitions.field}`);
  await zhang.getByRole("button", { name: "从表格粘贴" }).click();
  await dialog(zhang, "从表格粘贴").getByRole("textbox").fill("公章\t2\t王五");
  await zhang.getByRole("button", { name: "填入表格" }).click();
  const which = zhang.getByRole("group", { name: "有几个“公章”，请选择印控机：" });
  await expect(which.getByRole("button")).toHaveCount(2);
  await noViolations(zhang, "a seal with two boxes");
  await which.getByRole("button", { name: /QYS2019040004 · 北京 行政部/ }).click();
  await expect(which).toHaveCount(0);
  await zhang.getByLabel("用印主题").fill("两个公章");
  await zhang.getByLabel("发起组织").fill("上海印库科技有限公司");
  await zhang.getByRole("button", { name: "提交" }).click();
  await expect(zhang.getByRole("heading", { name: "两个公章" })).toBeVisible();
  const flow = new URL(zhang.url()).pathname.split("/").at(-1)!;
  const { form } = await house.flow<{ form: { seals: { seal: string }[] } }>(flow);
  expect(form.seals[0]?.seal).toBe("QYS2019040004");
});

test.describe("files that are wrong", () => {
  test.use({ expected: /status of (413|415|422)/ });
  test("are refused in words, each at its name, and the right one beside them is kept", async ({ house, person }) => {
    const flow = await house.startFlow("选错文件", 1);
    await house.approve(flow);
    await house.stamp(await house.business(flow), 1, 0, { signatory: 0 });
    await house.until("it collects", async () => (await house.flow<{ phase: string }>(flow)).phase === "collecting");
    const wang = await person("wang");
    await wang.goto(`/flows/${flow}`);
    const card = wang.getByRole("region", { name: "用印后文件" });
    const pdf = (name: string, text: string) => ({ name, mimeType: "application/pdf", buffer: Buffer.from(text) });
    await card
      .locator("input[type=file]")
      .setInputFiles([pdf("空的.pdf", ""), pdf(`${"很长的文件名".repeat(30)}.pdf`, "%PDF-1.7\n1\n%%EOF\n")]);
    await expect(card.getByRole("listitem").filter({ hasText: "空的.pdf" })).toContainText("文件是空的");
    await expect(card.getByRole("link", { name: /^很长的文件名/ })).toBeVisible();
    await noSideways(wang, "a long name of a file");
    await noViolations(wang, "a file that was refused");
    await card.getByRole("button", { name: "取消上传 空的.pdf" }).click();
    await expect(card.getByText("空的.pdf")).toHaveCount(0);

    const chooser = wang.waitForEvent("filechooser");
    await wang.getByRole("button", { name: "为“公章”补传图片" }).click();
    await (await chooser).setFiles(pdf("不是图片.png", "%PDF-1.7\n1\n%%EOF\n"));
    await expect(wang.getByText("只能补传图片")).toBeVisible();
  });
});

test("five hundred rows are pasted, changed and kept, with one search for their people", async ({ house, person }) => {
  test.setTimeout(120_000);
  const zhang = await person("zhang");
  await zhang.goto(`/flows/new?type=${house.definitions.field}`);
  await zhang.getByLabel("用印主题").fill("五百行");
  let searches = 0;
  zhang.on("request", (request) => (searches += request.url().includes("/api/people?") ? 1 : 0));
  await zhang.getByRole("button", { name: "从表格粘贴" }).click();
  const rows = Array.from({ length: 500 }, (_, at) => `合同专用章\t${at + 1}\t王五、不在册${at}`);
  await dialog(zhang, "从表格粘贴").getByRole("textbox").fill(rows.join("\n"));
  await zhang.getByRole("button", { name: "填入表格" }).click();
  const last = zhang.getByLabel("第 500 行 用印次数");
  await expect(last).toHaveValue("500", { timeout: 60_000 });
  await expect(zhang.getByRole("button", { name: "移除 王五" })).toHaveCount(500);
  await expect(zhang.getByRole("button", { name: "移除 不在册499" })).toBeAttached();
  expect(searches).toBeLessThanOrEqual(1);
  // Lists that nobody has opened are not in the page.
  expect(await zhang.getByRole("option", { includeHidden: true }).count()).toBe(0);
  await last.fill("7");
  await expect(zhang.getByText(/^草稿已保存/)).toBeVisible();
  await zhang.reload();
  await expect(last).toHaveValue("7", { timeout: 60_000 });
  await expect(zhang.getByText(/已恢复 .* 的草稿/)).toBeVisible();
});
