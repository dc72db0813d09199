import { createApp, nextTick, type App } from "vue";
import { createMemoryHistory, createRouter } from "vue-router";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Problem } from "@/api/client";
import UiState from "./UiState.vue";

let app: App | undefined;
let retries = 0;
beforeEach(() => {
  vi.useFakeTimers();
  retries = 0;
});
afterEach(() => {
  app?.unmount();
  document.body.replaceChildren();
  vi.useRealTimers();
});
async function show(props: object): Promise<Element> {
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: "/flows", name: "flows", component: {} }],
  });
  await router.push("/flows");
  app = createApp(UiState, { ...props, onRetry: () => (retries += 1) }).use(router);
  const box = document.body.appendChild(document.createElement("div"));
  app.mount(box);
  await nextTick();
  return box;
}
const bones = (box: Element) => box.querySelectorAll(".bone").length;

it("shows nothing for 150 ms, then skeletons, and says that it is busy", async () => {
  const box = await show({ pending: true, lines: 3 });
  expect(box.querySelector("[aria-busy=true]")).not.toBeNull();
  expect(bones(box)).toBe(0);
  vi.advanceTimersByTime(150);
  await nextTick();
  expect(bones(box)).toBe(3);
});

it("counts down to the next try of a service that is busy", async () => {
  const box = await show({ pending: true, busy: new Problem(503, "busy", "", "", [], [], 3) });
  expect(box.textContent).toContain("3 秒后再试");
  vi.advanceTimersByTime(2000);
  await nextTick();
  expect(box.textContent).toContain("1 秒后再试");
});

it("says what failed, with a button to try again and the facts for whoever helps", async () => {
  const box = await show({ error: new Problem(500, "internal", "The service failed.", "/api/flows") });
  expect(box.querySelector("[role=alert]")?.textContent).toContain("服务出错，原因在服务日志中");
  expect(box.querySelector("details")?.textContent).toMatch(
    /internal · The service failed\. · \d{4}-.*[+-]\d\d:\d\d · \/api\/flows/,
  );
  const again = [...box.querySelectorAll("button")].find((one) => one.textContent?.trim() === "重试");
  again?.click();
  expect(retries).toBe(1);
});

it("names the role that is needed", async () => {
  const box = await show({ error: new Problem(403, "forbidden", ""), roles: ["auditor", "admin"] });
  expect(box.textContent).toContain("您没有查看这里的权限。");
  expect(box.textContent).toContain("需要“审计员”或“管理员”角色。");
  expect(box.querySelector("a")?.getAttribute("href")).toBe("/flows");
});

it("does not tell whether there is nothing, or nothing that may be seen", async () => {
  const box = await show({ error: new Problem(404, "not_found", "") });
  expect(box.textContent).toContain("这里没有内容，或者您无权查看");
});

it("waits while the dialog of the session asks for the password", async () => {
  const box = await show({ error: new Problem(401, "not_logged_in", "") });
  expect(box.querySelector("[aria-busy=true]")).not.toBeNull();
});
