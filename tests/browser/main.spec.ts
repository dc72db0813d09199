// The main story, by three people in three browsers: from the form to the archive. Both engines.
import { expect, test } from "./kit/test";

test("a flow goes from its form to its archive", async ({ house, person }) => {
  test.slow();
  const [zhang, li, wang] = [await person("zhang"), await person("li"), await person("wang")];

  // 张三 starts.
  await zhang.goto("/flows/new");
  await zhang.getByRole("link", { name: /物理用印申请/ }).click();
  await zhang.getByLabel("用印主题").fill("年度采购框架合同（华东区）");
  await zhang.getByLabel("发起组织").fill("上海印库科技有限公司");
  await zhang.getByRole("combobox", { name: "第 1 行 物理印章" }).fill("公章");
  await zhang.getByRole("option", { name: /公章.*QYS2019040001/ }).click();
  await zhang.getByLabel("第 1 行 用印次数").fill("3");
  await zhang.getByRole("combobox", { name: "第 1 行 用印人" }).fill("王");
  await zhang.getByRole("option", { name: /王五/ }).click();
  await zhang.getByRole("button", { name: "提交" }).click();
  await expect(zhang.getByRole("heading", { name: "年度采购框架合同（华东区）" })).toBeVisible();
  const flow = new URL(zhang.url()).pathname.split("/").at(-1)!;
  await expect(zhang.getByText("等待 李四")).toBeVisible();

  // 李四 sees it among the flows that wait, and approves.
  await li.goto("/flows");
  await expect(li.getByRole("tab", { name: /待办/ })).toHaveAttribute("aria-selected", "true");
  await li.getByRole("link", { name: "年度采购框架合同（华东区）" }).click();
  await li.getByLabel("意见", { exact: true }).fill("同意，公章三次以内。");
  await li.getByRole("button", { name: "同意" }).click();
  await expect(li.getByText("同意，公章三次以内。")).toBeVisible();
  await expect(li.getByRole("button", { name: "同意" })).toHaveCount(0);

  // 张三 sees it without a reload.
  await expect(zhang.getByText("用印中").first()).toBeVisible();

  // 王五 reads the code and stamps.
  await wang.goto(`/flows/${flow}`);
  await wang.getByRole("button", { name: "查看用印码" }).first().click();
  const code = wang.getByRole("dialog", { name: "用印码" });
  await expect(code.getByText(/用印码( \d){6}/)).toBeAttached();
  await expect(code.getByText("剩余 3 次")).toBeVisible();
  await wang.keyboard.press("Escape");
  await expect(code).toHaveCount(0);
  const business = await house.business(flow);
  await house.stamp(business, 2);
  // The counts change in place.
  const counts = wang.locator("dl.counts");
  await expect(counts).toContainText("计数2");
  await expect(counts).toContainText("收图2");
  await house.stamp(business, 1);
  await expect(counts).toContainText("收图3");
  await expect(counts).toContainText("还差0");
  await expect(wang.getByRole("button", { name: /公章 第 3 张/ })).toBeVisible();

  // The stamped file is missing before the archive, and the list says so.
  await li.goto("/flows?tab=all");
  await expect(li.getByText("缺“用印后文件”").first()).toBeVisible();
  await wang
    .getByRole("region", { name: "用印后文件" })
    .locator("input[type=file]")
    .setInputFiles({
      name: "合同-已盖章.pdf",
      mimeType: "application/pdf",
      buffer: Buffer.from("%PDF-1.7\n1\n%%EOF\n"),
    });
  await expect(wang.getByText(/已归档 /)).toBeVisible({ timeout: 30_000 });
  await expect(zhang.getByText(/已归档 /)).toBeVisible();
  await expect(wang.getByRole("link", { name: "合同-已盖章.pdf" })).toBeVisible();

  // One photo, as large as the screen, and its original as a download.
  await zhang.getByRole("button", { name: /公章 第 1 张/ }).click();
  const view = zhang.getByRole("dialog");
  await expect(view.getByText("1 / 3")).toBeVisible();
  await zhang.keyboard.press("ArrowRight");
  await expect(view.getByText("2 / 3")).toBeVisible();
  const download = zhang.waitForEvent("download");
  await view.getByRole("link", { name: "下载原件" }).click();
  expect((await download).suggestedFilename()).toMatch(/公章.*\.jpg$/);
  await zhang.goBack();
  await expect(view).toHaveCount(0);
});
