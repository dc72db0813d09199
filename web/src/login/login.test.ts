import { createApp, nextTick, type App } from "vue";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import LoginForm from "./LoginForm.vue";

const asked = vi.fn<(request: Request) => Promise<Response>>();
let app: App;
let done = 0;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", asked);
  done = 0;
  app = createApp(LoginForm, { onDone: () => (done += 1) });
  app.mount(document.body.appendChild(document.createElement("div")));
  await nextTick();
});
afterEach(() => {
  app.unmount();
  document.body.replaceChildren();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const field = (name: string) => document.querySelector<HTMLInputElement>(`[name=${name}]`)!;
const button = () => document.querySelector<HTMLButtonElement>("[type=submit]")!;
const said = () => document.querySelector("[role=alert]")?.textContent?.trim();
function fill(name: string, value: string): void {
  field(name).value = value;
  field(name).dispatchEvent(new Event("input"));
}
function answer(status: number, body: object, headers: Record<string, string> = {}): void {
  const type = status < 300 ? "application/json" : "application/problem+json";
  asked.mockResolvedValueOnce(
    new Response(JSON.stringify({ status, title: "", detail: "", ...body }), {
      status,
      headers: { "content-type": type, ...headers },
    }),
  );
}
async function submit(): Promise<void> {
  document.querySelector("form")!.dispatchEvent(new Event("submit", { cancelable: true }));
  await vi.advanceTimersByTimeAsync(1);
}

it("starts at the username, and tells the browser's password store what is what", () => {
  expect(document.activeElement).toBe(field("username"));
  expect([field("username").autocomplete, field("password").autocomplete]).toEqual(["username", "current-password"]);
});

it("says that capitals are locked, while they are", async () => {
  const press = (modifierCapsLock: boolean) =>
    field("password").dispatchEvent(new KeyboardEvent("keyup", { key: "a", modifierCapsLock }));
  press(true);
  await nextTick();
  expect(document.body.textContent).toContain("大写锁定已打开");
  press(false);
  await nextTick();
  expect(document.body.textContent).not.toContain("大写锁定已打开");
});

it("shows the password while it is asked to", async () => {
  const eye = document.querySelector<HTMLButtonElement>(".secret button")!;
  eye.click();
  await nextTick();
  expect([field("password").type, eye.getAttribute("aria-label")]).toEqual(["text", "隐藏密码"]);
});

it("empties a password that was wrong, and the focus is there", async () => {
  fill("username", "li");
  fill("password", "wrong");
  answer(401, { code: "login_failed" });
  await submit();
  expect(said()).toBe("用户名或密码不正确");
  expect([field("username").value, field("password").value]).toEqual(["li", ""]);
  expect(document.activeElement).toBe(field("password"));
});

it.each([429, 503])("counts down the wait that the service asks for: %d", async (status) => {
  fill("username", "li");
  fill("password", "right");
  answer(status, { code: "busy" }, { "retry-after": "3" });
  await submit();
  expect([button().textContent?.trim(), button().disabled]).toEqual(["3 秒后再试", true]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(button().textContent?.trim()).toBe("2 秒后再试");
  await vi.advanceTimersByTimeAsync(2000);
  expect([button().textContent?.trim(), button().disabled]).toEqual(["登录", false]);
  expect(field("password").value, "the person presses again").toBe("right");
});

it("asks for the six digits in a second step, and keeps the name and the password for it", async () => {
  fill("username", "wu");
  fill("password", "right");
  answer(401, { code: "totp_required" });
  await submit();
  expect(said()).toBeUndefined();
  expect(document.activeElement).toBe(field("totp"));
  fill("totp", "123456");
  answer(200, { username: "wu", displayName: "吴十", roles: ["member"] });
  await submit();
  expect(await asked.mock.lastCall![0].json()).toEqual({ username: "wu", password: "right", totp: "123456" });
  expect(done).toBe(1);
});
