// What can be undone is not asked, and is taken back by one press: a file, a row, a draft.
import { expect, test } from "./kit/test";

const FILE = { name: "合同底稿.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7\n1\n%%EOF\n") };

test("a file that was removed from a draft comes back to its place", async ({ house, person }) => {
  const draft = await house.api<{ id: string }>("zhang", "POST", "/api/flows", {
    definitionId: house.definitions.field,
    form: { subject: "移除后撤销" },
    draft: true,
  });
  const zhang = await person("zhang");
  await zhang.goto(`/flows/${draft.id}/edit`);
  const files = zhang.getByRole("group", { name: "待用印文件" });
  await files.locator("input[type=file]").setInputFiles([FILE, { ...FILE, name: "附件.pdf" }]);
  await expect(files.getByRole("link")).toHaveText(["合同底稿.pdf", "附件.pdf"]);
  await files.getByRole("button", { name: "移除 合同底稿.pdf" }).click();
  await expect(files.getByRole("link")).toHaveText(["附件.pdf"]);
  await expect(zhang.getByRole("dialog")).toHaveCount(0);
  // The focus stays with the files.
  await expect(files.getByRole("button", { name: "移除 附件.pdf" })).toBeFocused();
  const said = zhang.locator(".toast", { hasText: "已移除“合同底稿.pdf”" });
  await said.getByRole("button", { name: "撤销" }).click();
  await expect(files.getByRole("link")).toHaveText(["合同底稿.pdf", "附件.pdf"]);
  await expect(said).toHaveCount(0);
});

test("a row and a draft that were thrown away come back", async ({ house, person }) => {
  const zhang = await person("zhang");
  await zhang.goto(`/flows/new?type=${house.definitions.field}`);
  await zhang.getByLabel("第 1 行 用印次数").fill("7");
  await zhang.getByRole("button", { name: "添加一行" }).click();
  await zhang.getByLabel("第 2 行 用印次数").fill("9");
  await zhang.getByRole("button", { name: "删除第 1 行" }).click();
  await expect(zhang.getByLabel("第 1 行 用印次数")).toHaveValue("9");
  await expect(zhang.getByLabel("第 2 行 用印次数")).toHaveCount(0);
  await zhang.locator(".toast").getByRole("button", { name: "撤销" }).click();
  await expect(zhang.getByLabel("第 1 行 用印次数")).toHaveValue("7");
  await expect(zhang.getByLabel("第 2 行 用印次数")).toHaveValue("9");

  await zhang.getByLabel("用印主题").fill("写了一半");
  await expect(zhang.getByText(/^草稿已保存/)).toBeVisible();
  await zhang.reload();
  await expect(zhang.getByLabel("用印主题")).toHaveValue("写了一半");
  await zhang.getByRole("button", { name: "丢弃" }).click();
  await expect(zhang.getByLabel("用印主题")).toHaveValue("");
  await zhang.locator(".toast", { hasText: "已丢弃草稿" }).getByRole("button", { name: "撤销" }).click();
  await expect(zhang.getByLabel("用印主题")).toHaveValue("写了一半");
  await expect(zhang.getByLabel("第 2 行 用印次数")).toHaveValue("9");
  await zhang.reload();
  await expect(zhang.getByLabel("用印主题")).toHaveValue("写了一半");
});
