// People as the pages name them: two of one name, those who have left, and those who hold a code.
import { expect, test } from "./kit/test";
import { scenes } from "./kit/scenes";
import { PASSWORD, type House } from "./kit/house";

async function join(house: House, username: string, displayName: string, employeeNo: string): Promise<string> {
  const body = { username, displayName, employeeNo, password: PASSWORD, roles: ["member"] };
  return (await house.api<{ id: string }>("admin", "POST", "/api/users", body)).id;
}

test("two people of one name have their number wherever they are named", async ({ house, person }) => {
  await join(house, "zhao", "赵六", "A0011");
  await join(house, "zhao2", "赵六", "A0012");
  const zhang = await person("zhang");
  await zhang.goto(`/flows/new?type=${house.definitions.field}`);
  await zhang.getByLabel("用印主题").fill("同名的用印人");
  await zhang.getByLabel("发起组织").fill("上海印库科技有限公司");
  await zhang.getByRole("combobox", { name: "第 1 行 物理印章" }).fill("公章");
  await zhang.getByRole("option", { name: /公章.*QYS2019040001/ }).click();
  await zhang.getByLabel("第 1 行 用印次数").fill("1");
  await zhang.getByRole("combobox", { name: "第 1 行 用印人" }).fill("赵六");
  await expect(zhang.getByRole("option", { name: "赵六 · A0011" })).toBeVisible();
  await zhang.getByRole("option", { name: "赵六 · A0012" }).click();
  await expect(zhang.getByRole("button", { name: "移除 赵六 · A0012" })).toBeVisible();
  await zhang.getByRole("button", { name: "提交" }).click();
  await expect(zhang.getByText("等待 李四")).toBeVisible();
  const flow = new URL(zhang.url()).pathname.split("/").at(-1)!;
  await house.approve(flow);
  await house.business(flow);
  // The table has the seal's box and company, and the person with the number.
  const row = zhang.getByRole("table", { name: "用印明细" }).getByRole("row", { name: /公章/ });
  await expect(row).toContainText("QYS2019040001 · ");
  await expect(row.getByRole("cell", { name: "赵六 · A0012" })).toBeVisible();
  // The starter has no code, and reads whose codes there are.
  await expect(zhang.getByText("用印码由 赵六 · A0012 查看")).toBeVisible();
  await expect(zhang.getByRole("button", { name: "查看用印码" })).toHaveCount(0);
});

test("whose codes there are is said to one who has none, and not to the holder", async ({ house, person }) => {
  const flow = await scenes(house);
  const [zhang, wang] = [await person("zhang"), await person("wang")];
  await zhang.goto(`/flows/${flow.using}`);
  await expect(zhang.getByText("用印码由 王五 查看")).toBeVisible();
  await wang.goto(`/flows/${flow.using}`);
  await expect(wang.getByRole("button", { name: "查看用印码" })).toBeVisible();
  await expect(wang.getByText(/用印码由/)).toHaveCount(0);
  // Nothing waits at the vendor before the approval.
  await zhang.goto(`/flows/${flow.waiting}`);
  await expect(zhang.getByText("等待 李四")).toBeVisible();
  await expect(zhang.getByText(/用印码由/)).toHaveCount(0);
});

test("a flow that waits for one who has left says so, and is handed on", async ({ house, person }) => {
  const he = await join(house, "he", "何一", "A0021");
  const flow = await house.startFlow("处理人离职");
  await house.api("li", "POST", `/api/flows/${flow}/transfer`, { to: "he" });
  await house.api("admin", "PATCH", `/api/users/${he}`, { disabled: true });
  const troubled = async () => (await house.flow<{ trouble: string[] }>(flow)).trouble.includes("people_gone");
  await house.until("the flow waits for nobody", troubled);

  // The starter can only ask.
  const zhang = await person("zhang");
  await zhang.goto(`/flows/${flow}`);
  await expect(zhang.getByText(/何一/).first()).toBeVisible();
  await expect(zhang.getByText("请管理员转交给其他人。")).toBeVisible();

  const admin = await person("admin");
  await admin.goto("/flows?tab=all");
  await admin.getByRole("button", { name: /^异常 \d+$/ }).click();
  await expect(admin).toHaveURL(/trouble=true/);
  await expect(admin.getByRole("row", { name: /处理人离职/ }).getByText("处理人已停用")).toBeVisible();
  await admin.getByRole("link", { name: "处理人离职" }).click();
  const banner = admin.locator(".banner", { hasText: "请转交给其他人。" });
  await expect(banner).toContainText("处理人已停用：何一");
  await banner.getByRole("button", { name: "转交" }).click();
  const transfer = admin.getByRole("dialog", { name: "转交给他人处理" });
  // The dialog starts at its first field.
  await expect(transfer.getByRole("combobox", { name: "转交给" })).toBeFocused();
  await admin.keyboard.type("钱七");
  await transfer.getByRole("option", { name: /钱七/ }).click();
  await transfer.getByRole("button", { name: "转交" }).click();
  await expect(transfer).toHaveCount(0);
  await expect(admin.getByText("等待 钱七")).toBeVisible();
  await expect(banner).toHaveCount(0);
  await expect(admin.locator(".chip", { hasText: "处理人已停用" })).toHaveCount(0);
});
