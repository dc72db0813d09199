import { createApp, nextTick, type App } from "vue";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { placeOf, tipAt } from "./tips";
import UiTips from "./UiTips.vue";

let app: App;
beforeEach(() => {
  vi.useFakeTimers();
  const page = `
    <button id="icon" aria-label="复制编号"><svg></svg></button>
    <button id="words" aria-label="用印后文件：选择文件">选择文件</button>
    <a id="link" href="/flows" data-tip="流程"><span>流程</span></a>
    <input id="field" aria-label="意见" />`;
  document.body.replaceChildren(...new DOMParser().parseFromString(page, "text/html").body.childNodes);
  app = createApp(UiTips);
  app.mount(document.body.appendChild(document.createElement("div")));
});
afterEach(() => {
  app.unmount();
  vi.useRealTimers();
});

const at = (id: string) => document.getElementById(id)!;
const shown = () => document.querySelector(".tip")?.textContent?.trim() ?? null;
function pointAt(element: Element, pointerType = "mouse"): void {
  const event = new Event("pointerover", { bubbles: true });
  element.dispatchEvent(Object.assign(event, { pointerType }));
}
async function wait(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  await nextTick();
}

it("a button that shows only an icon has its name as its tooltip, and no other control has one", () => {
  expect(tipAt(at("icon").firstElementChild)?.text).toBe("复制编号");
  expect(tipAt(at("link"))?.text).toBe("流程");
  expect([tipAt(at("words")), tipAt(at("field")), tipAt(document), tipAt(null)]).toEqual([null, null, null, null]);
});

it("comes to a pointer that rests, stays while the pointer goes to it, and leaves with the pointer", async () => {
  pointAt(at("icon"));
  await wait(300);
  expect(shown()).toBeNull();
  await wait(200);
  expect(shown()).toBe("复制编号");
  pointAt(document.body);
  await wait(60);
  pointAt(document.querySelector(".tip")!);
  await wait(1000);
  expect(shown()).toBe("复制编号");
  pointAt(document.body);
  await wait(200);
  expect(shown()).toBeNull();
});

it("comes at once with the focus of the keyboard, and Esc takes it away", async () => {
  at("icon").focus();
  await nextTick();
  expect(shown()).toBe("复制编号");
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  await nextTick();
  expect(shown()).toBeNull();
});

it("goes with its control, with a press, and does not come to a finger", async () => {
  at("icon").focus();
  await nextTick();
  at("icon").dispatchEvent(new Event("pointerdown", { bubbles: true }));
  await nextTick();
  expect(shown()).toBeNull();
  at("icon").blur();
  at("icon").focus();
  await nextTick();
  at("icon").remove();
  // The observer runs after the present task.
  await Promise.resolve();
  await nextTick();
  expect(shown()).toBeNull();
  pointAt(at("link"), "touch");
  await wait(1000);
  expect(shown()).toBeNull();
});

it("stands below its control, above it at the end of the window, and never outside", () => {
  const view = { width: 400, height: 300 };
  const tip = { width: 100, height: 24 };
  expect(placeOf({ left: 180, top: 40, width: 32, height: 32 }, tip, view)).toEqual({ left: 146, top: 78 });
  expect(placeOf({ left: 368, top: 268, width: 32, height: 32 }, tip, view)).toEqual({ left: 296, top: 238 });
  expect(placeOf({ left: 0, top: 0, width: 32, height: 32 }, tip, view)).toEqual({ left: 4, top: 38 });
});
