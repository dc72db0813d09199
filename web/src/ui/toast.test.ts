import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { hold, resume, toast, toasts } from "./toast";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.runAllTimers();
  vi.useRealTimers();
  toasts.length = 0;
});
const texts = () => toasts.map((one) => one.text);

it("a confirmation goes after 6 s", () => {
  toast("已复制");
  vi.advanceTimersByTime(5_900);
  expect(texts()).toEqual(["已复制"]);
  vi.advanceTimersByTime(200);
  expect(texts()).toEqual([]);
});

it("waits while it is pointed at or has the focus, and for both", () => {
  toast("已移除");
  const { id } = toasts[0]!;
  hold(id, "focus");
  hold(id, "pointer");
  vi.advanceTimersByTime(60_000);
  resume(id, "pointer");
  vi.advanceTimersByTime(60_000);
  expect(texts(), "the focus is still there").toEqual(["已移除"]);
  resume(id, "focus");
  vi.advanceTimersByTime(5_900);
  expect(texts()).toEqual(["已移除"]);
  vi.advanceTimersByTime(200);
  expect(texts()).toEqual([]);
});
