// Every act of the flow page, by the person whose act it is.
import type { Page } from "@playwright/test";
import { ANSWER, expect, test } from "./kit/test";

const counts = (page: Page) => page.locator("dl.counts");
const dialog = (page: Page, name: string) => page.getByRole("dialog", { name });

test("sent back, changed and submitted again", async ({ house, person }) => {
  const flow = await house.startFlow("退回再提交");
  const [li, zhang] = [await person("li"), await person("zhang")];
  await li.goto(`/flows/${flow}`);
  await li.getByRole("button", { name: "退回…" }).click();
  // Without a reason nothing is sent.
  await li.getByRole("button", { name: "退回", exact: true }).click();
  await expect(li.getByText("请写明原因")).toBeVisible();
  await li.getByLabel("意见", { exact: true }).fill("次数不对");
  await expect(li.getByLabel("退回到")).toHaveValue("start");
  await li.getByRole("button", { name: "退回", exact: true }).click();
  await expect(li.getByText("已退回").first()).toBeVisible();

  await zhang.goto("/flows?tab=mine");
  await zhang.getByRole("link", { name: "退回再提交" }).click();
  await expect(zhang.getByText("流程已退回给您，请修改后重新提交。")).toBeVisible();
  await expect(zhang.getByText("次数不对").first()).toBeVisible();
  await zhang.getByRole("link", { name: "修改申请" }).click();
  await expect(zhang.getByText("次数不对")).toBeVisible();
  await zhang.getByLabel("第 1 行 用印次数").fill("0");
  await zhang.getByRole("button", { name: "重新提交" }).click();
  await expect(zhang.getByText("请输入不小于 1 的整数")).toBeVisible();
  await expect(zhang.getByLabel("第 1 行 用印次数")).toBeFocused();
  await zhang.getByLabel("第 1 行 用印次数").fill("5");
  await zhang.getByLabel("意见", { exact: true }).fill("已改为 5 次");
  await zhang.getByRole("button", { name: "重新提交" }).click();
  await expect(zhang.getByText("等待 李四")).toBeVisible();
  const { form } = await house.flow<{ form: { seals: { count: number }[] } }>(flow);
  expect(form.seals[0]!.count).toBe(5);
});

test("uses are appended, the time of use is changed, and the use is ended", async ({ house, person }) => {
  const flow = await house.startFlow("追加与结束", 3);
  await house.approve(flow);
  await house.stamp(await house.business(flow), 1);
  const wang = await person("wang");
  await wang.goto(`/flows/${flow}`);
  await wang.getByRole("button", { name: "追加用印次数" }).click();
  const append = dialog(wang, "追加用印次数");
  await append.getByLabel("追加次数").fill("0");
  await append.getByRole("button", { name: "追加", exact: true }).click();
  await expect(append.getByText("请输入不小于 1 的整数")).toBeVisible();
  await append.getByLabel("追加次数").fill("2");
  await expect(append.getByText("公章：3 → 5 次")).toBeVisible();
  await append.getByRole("button", { name: "追加", exact: true }).click();
  await expect(append).toHaveCount(0);
  await expect(counts(wang)).toContainText("授权5");

  await wang.getByRole("button", { name: "修改用印时间" }).click();
  const window = dialog(wang, "修改用印时间");
  await window.getByRole("button", { name: "保存" }).click();
  await expect(window.getByText("请填写开始或结束时间")).toBeVisible();
  await window.getByLabel("结束", { exact: true }).fill("2099-11-27T18:00");
  await window.getByRole("button", { name: "保存" }).click();
  await expect(window).toHaveCount(0);

  await wang.getByRole("button", { name: "查看用印详情" }).click();
  const detail = dialog(wang, "用印详情");
  await expect(detail.getByText("2099-11-27 18:00")).toBeVisible();
  await expect(detail.getByText(/追加 2 次/)).toBeVisible();
  await detail.getByRole("button", { name: "结束用印" }).click();
  const finish = dialog(wang, "结束用印");
  await expect(finish.getByText("结束“公章”的用印？剩余 4 次将作废。")).toBeVisible();
  await finish.getByRole("button", { name: "结束用印" }).click();
  await expect(finish.getByText("请写明原因")).toBeVisible();
  await finish.getByLabel("原因").fill("只盖一次");
  await finish.getByRole("button", { name: "结束用印" }).click();
  await expect(finish).toHaveCount(0);
  await expect(wang.locator(".toast", { hasText: "已结束用印" })).toBeVisible();
  await expect(wang.getByText("待归档").first()).toBeVisible();
  await expect(wang.getByText("剩余 4 次未用").first()).toBeVisible();
});

test.describe("the vendor refuses", () => {
  test.use({ expected: ANSWER(502) });
  test("an append that failed says the vendor's words and what to do", async ({ house, person }) => {
    const flow = await house.startFlow("追加失败", 2);
    await house.approve(flow);
    await house.business(flow);
    const wang = await person("wang");
    await wang.goto(`/flows/${flow}`);
    await house.vendorControl("/faults", {
      target: "apply",
      fault: { kind: "jsonError", code: 1000001, message: "印章已停用" },
      times: 1,
    });
    await wang.getByRole("button", { name: "追加用印次数" }).click();
    const append = dialog(wang, "追加用印次数");
    await append.getByRole("button", { name: "追加", exact: true }).click();
    await expect(append.getByRole("alert")).toContainText("印章已停用");
    await expect(append.getByRole("alert")).toContainText("先查看用印详情，再决定是否重试。");
    await expect(append.getByLabel("追加次数")).toHaveValue("1");
  });
});

test("an end that the vendor has not carried out is asked for again by an administrator", async ({ house, person }) => {
  const flow = await house.startFlow("结束失败", 2);
  await house.approve(flow);
  await house.business(flow);
  const fault = { kind: "jsonError", code: 1000001, message: "系统繁忙" };
  await house.vendorControl("/faults", { target: "apply", fault });
  await house.api("zhang", "POST", `/api/flows/${flow}/withdraw`, { comment: "客户取消" });
  const [wang, admin] = [await person("wang"), await person("admin")];
  await wang.goto(`/flows/${flow}`);
  await wang.getByRole("button", { name: "查看用印详情" }).click();
  await expect(dialog(wang, "用印详情").getByText(/^结束：/)).toBeVisible();
  await expect(wang.getByRole("button", { name: "再次结束" })).toHaveCount(0);

  await admin.goto(`/flows/${flow}`);
  await admin.getByRole("button", { name: "查看用印详情" }).click();
  await house.vendorControl("/faults", undefined, "DELETE");
  await dialog(admin, "用印详情").getByRole("button", { name: "再次结束" }).click();
  await expect(admin.getByText("已再次请契约锁结束")).toBeVisible();
  await house.until("the use has ended", async () => {
    const { sealUses } = await house.flow<{ sealUses: { status: string }[] }>(flow);
    return sealUses[0]?.status === "finished";
  });
});

test("a flow without a stamp is ended with a reason by the people of the seal node", async ({ house, person }) => {
  const flow = await house.startFlow("没有盖章", 1);
  await house.approve(flow);
  await house.business(flow);
  await house.api("wang", "POST", `/api/flows/${flow}/seal-finish`, { reason: "客户取消" });
  const wang = await person("wang");
  await wang.goto(`/flows/${flow}`);
  await wang.getByRole("button", { name: "归档", exact: true }).click();
  const archive = dialog(wang, "归档");
  await expect(archive.getByText("没有盖章记录。请写明原因")).toBeVisible();
  await archive.getByRole("button", { name: "归档", exact: true }).click();
  await expect(archive.getByText("请写明原因", { exact: true })).toBeVisible();
  await archive.getByLabel("原因").fill("客户取消了合同");
  await archive.getByRole("button", { name: "归档", exact: true }).click();
  await expect(archive).toHaveCount(0);
  await expect(wang.getByText("已归档").first()).toBeVisible();
});

test("handed on to another person", async ({ house, person }) => {
  const flow = await house.startFlow("转交");
  const [li, qian] = [await person("li"), await person("qian")];
  await li.goto(`/flows/${flow}`);
  await li.getByRole("button", { name: "转交" }).click();
  const transfer = dialog(li, "转交给他人处理");
  await transfer.getByRole("combobox", { name: "转交给" }).fill("钱");
  await transfer.getByRole("option", { name: /钱七/ }).click();
  await transfer.getByRole("button", { name: "转交" }).click();
  await expect(transfer).toHaveCount(0);
  await expect(li.getByText("等待 钱七")).toBeVisible();
  await expect(li.getByRole("button", { name: "同意" })).toHaveCount(0);
  await qian.goto("/flows");
  await expect(qian.getByRole("row", { name: /转交/ }).getByText("等您")).toBeVisible();
});

test("withdrawn by its starter, who is asked once", async ({ house, person }) => {
  const flow = await house.startFlow("撤回");
  const zhang = await person("zhang");
  await zhang.goto(`/flows/${flow}`);
  await zhang.getByRole("button", { name: "撤回" }).click();
  const withdraw = dialog(zhang, "撤回流程");
  await expect(withdraw.getByText("撤回“撤回”？撤回后不能恢复。")).toBeVisible();
  await withdraw.getByRole("button", { name: "取消" }).click();
  await expect(zhang.getByText("待审批").first()).toBeVisible();
  await zhang.getByRole("button", { name: "撤回" }).click();
  await withdraw.getByRole("button", { name: "撤回" }).click();
  await expect(zhang.getByText("流程已撤回。")).toBeVisible();
});

test("archived by hand, and by an administrator although a photo is missing", async ({ house, person }) => {
  const [complete, short] = [
    await house.startFlow("手动归档", 1, "local"),
    await house.startFlow("缺图归档", 1, "local"),
  ];
  for (const flow of [complete, short]) await house.approve(flow);
  await house.stamp(await house.business(complete), 1);
  await house.stamp(await house.business(short), 1, 0, { signatory: 0 });
  const [wang, admin] = [await person("wang"), await person("admin")];
  await wang.goto(`/flows/${complete}`);
  await wang.getByRole("button", { name: "归档" }).click();
  const archive = dialog(wang, "归档");
  await expect(archive.getByText("没有缺少的图片和必填文件。归档后内容不能再修改。")).toBeVisible();
  await archive.getByRole("button", { name: "归档" }).click();
  await expect(wang.getByText(/已归档 /)).toBeVisible({ timeout: 30_000 });

  await admin.goto(`/flows/${short}`);
  await admin.getByRole("button", { name: "归档" }).click();
  const accept = dialog(admin, "归档");
  await expect(accept.getByRole("listitem")).toContainText("还差 1 张");
  await expect(accept.getByRole("listitem")).toContainText("公章 · 王五 · 盖章照片");
  await expect(accept.getByRole("listitem")).toContainText("契约锁没有图片");
  await accept.getByLabel("缺图也归档").check();
  await accept.getByRole("button", { name: "归档" }).click();
  await expect(accept.getByText("请写明原因")).toBeVisible();
  await accept.getByLabel("原因").fill("印控机丢失照片");
  await accept.getByRole("button", { name: "归档" }).click();
  await expect(admin.getByText(/已归档 /)).toBeVisible({ timeout: 30_000 });
});

test("what the archive lacks leads to the place where it is brought", async ({ house, person }) => {
  const flow = await house.startFlow("缺盖章文件", 1);
  await house.approve(flow);
  await house.stamp(await house.business(flow), 1, 0, { signatory: 0 });
  await house.until("it collects", async () => (await house.flow<{ phase: string }>(flow)).phase === "collecting");
  const admin = await person("admin");
  // The file is taken out while the dialog is open: without it the archive is not offered.
  await admin.route(new RegExp(`/api/flows/${flow}$`), async (route) => {
    const response = await route.fetch();
    const json = (await response.json()) as { actions: string[] };
    await route.fulfill({ response, json: { ...json, actions: [...json.actions, "archive"] } });
  });
  await admin.goto(`/flows/${flow}`);
  await admin.getByRole("button", { name: "归档", exact: true }).click();
  const archive = dialog(admin, "归档");
  await expect(archive.getByRole("listitem").filter({ hasText: "还差 1 张" })).toContainText("契约锁没有图片");
  await archive.getByRole("button", { name: "去上传用印后文件" }).click();
  await expect(archive).toHaveCount(0);
  const choose = admin.getByRole("button", { name: "用印后文件：选择文件" });
  await expect(choose).toBeFocused();
  await expect(choose).toBeInViewport();
});

test("a photo that the vendor lists and does not give is named by its key", async ({ house, person }) => {
  const flow = await house.startFlow("取不到的图片", 1);
  await house.approve(flow);
  await house.stampAndLose(await house.business(flow));
  await house.until("it collects", async () => (await house.flow<{ phase: string }>(flow)).phase === "collecting");
  const wang = await person("wang");
  await wang.goto(`/flows/${flow}`);
  await wang.getByRole("button", { name: "查看用印详情" }).click();
  const details = dialog(wang, "用印详情");
  await expect(details.getByText(/^\d{8}-[0-9a-f-]{36}$/)).toBeVisible();
  await expect(details.getByText("契约锁有此图片，还没有取到")).toBeVisible();
});

test.describe("errors of the service", () => {
  test.use({ expected: ANSWER(422) });
  test("stand at their fields, and the first has the focus", async ({ house, person }) => {
    const zhang = await person("zhang");
    await zhang.goto(`/flows/new?type=${house.definitions.field}`);
    await zhang.getByLabel("用印主题").fill("次数太多");
    await zhang.getByLabel("发起组织").fill("上海印库科技有限公司");
    await zhang.getByRole("combobox", { name: "第 1 行 物理印章" }).fill("公章");
    await zhang.getByRole("option", { name: /公章/ }).first().click();
    // The page does not know the largest number, the service does.
    await zhang.getByLabel("第 1 行 用印次数").fill("100001");
    await zhang.getByRole("combobox", { name: "第 1 行 用印人" }).fill("王五");
    await zhang.getByRole("option", { name: /王五/ }).click();
    await zhang.getByRole("button", { name: "提交" }).click();
    await expect(zhang.getByRole("alert")).toContainText("请改正标出的 1 处");
    await expect(zhang.getByText("must be a whole number from 1 to 100000")).toBeVisible();
    await expect(zhang.getByLabel("第 1 行 用印次数")).toBeFocused();
    await expect(zhang.getByLabel("用印主题")).toHaveValue("次数太多");
  });

  test("a node that nobody can take is named, and the path says who can take each node", async ({ house, person }) => {
    const qian = await person("qian");
    await qian.goto(`/flows/new?type=${house.definitions.field}`);
    const path = qian.getByRole("complementary", { name: "审批路径" });
    await expect(path.getByRole("listitem").nth(0)).toContainText("发起人的上级");
    await expect(path.getByRole("listitem").nth(1)).toContainText("操作员（1 人）");
    await qian.getByLabel("用印主题").fill("没有上级");
    await qian.getByLabel("发起组织").fill("上海印库科技有限公司");
    await qian.getByRole("combobox", { name: "第 1 行 物理印章" }).fill("公章");
    await qian.getByRole("option", { name: /公章.*QYS2019040001/ }).click();
    // A field for one value keeps the focus when its value is chosen.
    await expect(qian.getByRole("button", { name: "移除 公章" })).toBeFocused();
    await qian.getByLabel("第 1 行 用印次数").fill("1");
    await qian.getByRole("combobox", { name: "第 1 行 用印人" }).fill("王");
    await qian.getByRole("option", { name: /王五/ }).click();
    await qian.keyboard.press("Control+Enter");
    await expect(qian.getByText("节点“部门审批”没有可以处理的人：qian has no manager")).toBeVisible();
    const zhang = await person("zhang");
    await zhang.goto(`/flows/new?type=${house.definitions.field}`);
    await expect(zhang.getByRole("complementary", { name: "审批路径" })).toContainText("李四（上级）");
  });

  test("what is missing is marked before anything is sent", async ({ house, person }) => {
    const zhang = await person("zhang");
    await zhang.goto(`/flows/new?type=${house.definitions.field}`);
    await zhang.getByRole("button", { name: "提交" }).click();
    await expect(zhang.getByText("请改正标出的 3 处")).toBeVisible();
    await expect(zhang.getByLabel("用印主题")).toBeFocused();
    await zhang.getByRole("button", { name: /用印明细：请至少填写一行/ }).click();
    await expect(zhang.getByRole("combobox", { name: "第 1 行 物理印章" })).toBeFocused();
    await zhang.getByRole("button", { name: "从表格粘贴" }).click();
    await dialog(zhang, "从表格粘贴").getByRole("textbox").fill("公章\t2\t王五\n合同专用章\t1\t王五、李四");
    await zhang.getByRole("button", { name: "填入表格" }).click();
    await expect(zhang.getByLabel("第 2 行 用印次数")).toHaveValue("1");
    await expect(zhang.getByRole("button", { name: "移除 李四" })).toBeVisible();
  });
});

test("an unconfirmed photo is marked, in no count, and accepted by an administrator", async ({ house, person }) => {
  const flow = await house.startFlow("推送的图片", 2);
  await house.approve(flow);
  const business = await house.business(flow);
  await house.stamp(business, 1);
  await house.pushPicture(business);
  const unknown = async () => {
    const { sealUses } = await house.flow<{ sealUses: { ingestId: string }[] }>(flow);
    const ingest = await house.api<{ photos: { confirmation: string }[] }>(
      "admin",
      "GET",
      `/api/ingests/${sealUses[0]!.ingestId}`,
    );
    return ingest.photos.some((photo) => photo.confirmation === "unconfirmed");
  };
  await house.until("the pushed picture is here", unknown);

  // It may be a face, so the operator sees neither the picture nor an act.
  const wang = await person("wang");
  await wang.goto(`/flows/${flow}`);
  await expect(counts(wang)).toContainText("收图1");
  await expect(wang.getByRole("button", { name: "接受…" })).toHaveCount(0);

  const admin = await person("admin");
  await admin.goto(`/flows/${flow}`);
  await admin.getByRole("button", { name: "显示", exact: true }).click();
  await expect(admin.getByText("契约锁尚未确认").first()).toBeVisible();
  await admin.getByRole("button", { name: "接受…" }).click();
  const accept = dialog(admin, "接受图片");
  await accept.getByRole("button", { name: "接受", exact: true }).click();
  await expect(accept.getByText("请填写").first()).toBeVisible();
  await accept.getByLabel("类型").selectOption("emergency");
  await accept.getByLabel("原因").fill("现场核对过");
  await accept.getByRole("button", { name: "接受", exact: true }).click();
  await expect(accept).toHaveCount(0);
  await expect(admin.getByText("管理员已接受").first()).toBeVisible();
});

test("a file makes the application a draft, which only its starter sees until it is submitted", async ({
  house,
  person,
}) => {
  const zhang = await person("zhang");
  await zhang.goto("/flows/new");
  await zhang.getByRole("link", { name: /^物理用印申请/ }).click();
  await zhang.getByLabel("用印主题").fill("带附件的申请");
  await zhang
    .locator("input[type=file]")
    .first()
    .setInputFiles({
      name: "合同底稿.pdf",
      mimeType: "application/pdf",
      buffer: Buffer.from("%PDF-1.7\n1\n%%EOF\n"),
    });
  await expect(zhang).toHaveURL(/\/edit$/);
  await expect(zhang.getByRole("link", { name: "合同底稿.pdf" })).toBeVisible();
  await expect(zhang.getByLabel("用印主题")).toHaveValue("带附件的申请");
  const flow = new URL(zhang.url()).pathname.split("/").at(-2)!;

  // Nobody else sees it; its starter finds it among the own flows.
  await expect(house.api("li", "GET", `/api/flows/${flow}`)).rejects.toThrow("404");
  await zhang.getByRole("button", { name: "保存草稿" }).click();
  await expect(zhang.getByRole("row", { name: /带附件的申请/ }).getByText("草稿")).toBeVisible();
  await zhang.getByRole("link", { name: "带附件的申请" }).click();

  // What is missing is said at the field, and the file stays.
  await zhang.getByRole("button", { name: "提交" }).click();
  await expect(zhang.getByText("请填写发起组织").first()).toBeVisible();
  await zhang.getByLabel("发起组织").fill("上海印库科技有限公司");
  await zhang.getByRole("combobox", { name: "第 1 行 物理印章" }).fill("公章");
  await zhang.getByRole("option", { name: /公章.*QYS2019040001/ }).click();
  await zhang.getByLabel("第 1 行 用印次数").fill("1");
  await zhang.getByRole("combobox", { name: "第 1 行 用印人" }).fill("王");
  await zhang.getByRole("option", { name: /王五/ }).click();
  await zhang.getByRole("button", { name: "提交" }).click();
  await expect(zhang.getByText("等待 李四")).toBeVisible();
  await expect(zhang.getByRole("link", { name: "合同底稿.pdf" })).toBeVisible();
});

test("a draft is deleted", async ({ house, person }) => {
  const draft = await house.api<{ id: string }>("zhang", "POST", "/api/flows", {
    definitionId: house.definitions.field,
    form: { subject: "不要了" },
    draft: true,
  });
  const zhang = await person("zhang");
  await zhang.goto(`/flows/${draft.id}`);
  await zhang.getByRole("button", { name: "删除草稿" }).click();
  await zhang.getByRole("dialog", { name: "删除草稿" }).getByRole("button", { name: "删除草稿" }).click();
  await expect(zhang.getByRole("tab", { name: /我发起的/ })).toHaveAttribute("aria-selected", "true");
  await expect(zhang.getByText("不要了")).toHaveCount(0);
});

test("administrators are told that callbacks carry no secret", async ({ person }) => {
  const admin = await person("admin");
  await admin.goto("/flows");
  await expect(admin.getByRole("tab", { name: /待办/ })).toBeVisible();
  await expect(admin.getByText("回调没有设置密钥")).toHaveCount(0);
  await admin.route("**/api/callbacks/door", (route) =>
    route.fulfill({ json: { open: true, secretSet: false, networksSet: false, refusedSealUses: 3 } }),
  );
  await admin.reload();
  await expect(admin.getByText("回调没有设置密钥：推送的图片不会保存")).toBeVisible();
  await expect(admin.getByText("3 个用印的回调地址已失效")).toBeVisible();
});
