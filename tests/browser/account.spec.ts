// The own login: a password that must be changed, one-time codes, tokens and sessions.
import { createHmac } from "node:crypto";
import type { Page } from "@playwright/test";
import { ANSWER, expect, noViolations, PASSWORD, test } from "./kit/test";

const FRESH = "a fresh uncommon phrase 7";

/** The one-time code of RFC 6238 at this moment. */
function codeOf(secret: string, steps = 0): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac("sha1", key).update(counter).digest();
  const at = hash[19]! & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function logIn(page: Page, username: string, password: string): Promise<void> {
  await page.goto("/login");
  await page.getByLabel("用户名").fill(username);
  await page.getByLabel("密码", { exact: true }).fill(password);
  await page.getByRole("button", { name: "登录", exact: true }).click();
}

test.describe("the own login", () => {
  test.use({ expected: new RegExp(`${ANSWER(401).source}|${ANSWER(403).source}|${ANSWER(422).source}`) });

  test("a password that must be changed comes before everything else", async ({ house, stranger }) => {
    const made = await house.newcomer("zhou", "周九", PASSWORD, true);
    expect(made.mustChange).toBe(true);
    const page = await stranger();
    await logIn(page, "zhou", PASSWORD);
    await expect(page.getByRole("heading", { name: "修改密码" })).toBeVisible();
    await noViolations(page, "a password that must be changed");
    await page.goto("/flows/new");
    await expect(page.getByRole("heading", { name: "修改密码" })).toBeVisible();
    await page.getByLabel("现在的密码").fill(PASSWORD);
    await page.getByLabel(/^新密码/).fill("password1234");
    await page.getByLabel("再输入一次新密码").fill("password1234");
    await page.getByRole("button", { name: "修改密码" }).click();
    await expect(page.getByLabel(/^新密码/)).toHaveAttribute("aria-invalid", "true");
    await page.getByLabel(/^新密码/).fill(FRESH);
    await page.getByLabel("再输入一次新密码").fill(FRESH);
    await page.getByRole("button", { name: "修改密码" }).click();
    await expect(page.getByRole("heading", { name: "发起流程" })).toBeVisible();
  });

  test("one-time codes are set up, asked for, and taken off", async ({ house, stranger }) => {
    await house.newcomer("wu", "吴十", PASSWORD, false);
    const page = await stranger();
    await logIn(page, "wu", PASSWORD);
    await expect(page).toHaveURL(/\/flows/);
    await page.goto("/me");
    const card = page.getByRole("region", { name: "验证码登录" });
    await card.getByRole("button", { name: "开启验证码登录" }).click();
    const dialog = page.getByRole("dialog");
    const secret = (await dialog.locator(".mono").first().textContent())!.trim();
    await expect(dialog.getByRole("img")).toBeVisible();
    await noViolations(page, "the set-up of one-time codes");
    await dialog.getByLabel("六位验证码").fill(codeOf(secret));
    await dialog.getByRole("button", { name: "确认" }).click();
    await expect(card.getByText("已开启")).toBeVisible();

    const other = await stranger();
    await logIn(other, "wu", PASSWORD);
    // Each code opens once, so this is the next one.
    await other.getByLabel("六位验证码").fill(codeOf(secret, 1));
    await other.getByRole("button", { name: "登录", exact: true }).click();
    await expect(other).toHaveURL(/\/flows/);

    // This browser sees the other session and ends it.
    await page.reload();
    const sessions = page.getByRole("region", { name: "登录", exact: true });
    await expect(sessions.getByRole("listitem")).toHaveCount(2);
    await sessions.getByRole("button", { name: /^结束/ }).last().click();
    await expect(sessions.getByRole("listitem")).toHaveCount(1);
    await other.goto("/me");
    await expect(other).toHaveURL(/\/login/);

    await card.getByRole("button", { name: "关闭验证码登录" }).click();
    await page.getByRole("dialog").getByLabel(/^密码/).fill(PASSWORD);
    await page.getByRole("dialog").getByRole("button", { name: "关闭验证码登录" }).click();
    await expect(card.getByText("未开启")).toBeVisible();
  });

  test("a token is shown once and revoked", async ({ house, stranger }) => {
    await house.newcomer("zheng", "郑一", PASSWORD, false);
    const page = await stranger();
    await logIn(page, "zheng", PASSWORD);
    await expect(page).toHaveURL(/\/flows/);
    await page.goto("/me");
    const card = page.getByRole("region", { name: "令牌" });
    await card.getByRole("button", { name: "新建令牌" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("用途").fill("夜间脚本");
    await noViolations(page, "a new token");
    await dialog.getByRole("button", { name: "生成" }).click();
    const token = (await dialog.locator(".mono").textContent())!.trim();
    const asked = () => fetch(`${house.base}/api/session`, { headers: { authorization: `Bearer ${token}` } });
    expect((await asked()).status).toBe(200);
    await page.keyboard.press("Escape");
    await expect(dialog, "the token would be lost").toBeVisible();
    await dialog.getByRole("checkbox").check();
    await dialog.getByRole("button", { name: "关闭" }).last().click();
    await expect(card.getByText("夜间脚本")).toBeVisible();
    await card.getByRole("button", { name: /夜间脚本/ }).click();
    await noViolations(page, "a token that is revoked");
    await page.getByRole("dialog").getByRole("button", { name: "吊销" }).click();
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await expect(card.getByText("夜间脚本")).toHaveCount(0);
    expect((await asked()).status).toBe(401);
  });
});
