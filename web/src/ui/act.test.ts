import { effectScope } from "vue";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Problem } from "@/api/client";
import { useAct, type Act } from "./act";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const refused = (status: number, retryAfter?: number) => new Problem(status, "busy", "", "", [], [], retryAfter);
function act(work: () => Promise<unknown>): Act<[]> {
  return effectScope().run(() => useAct(work))!;
}

it.each([429, 503])("a refusal with %d counts down, and takes no press meanwhile", async (status) => {
  const work = vi.fn(() => Promise.reject(refused(status, 3)));
  const one = act(work);
  expect(await one.run()).toBe(false);
  expect(one.wait.value).toBe(3);
  vi.advanceTimersByTime(1000);
  expect(one.wait.value).toBe(2);
  expect(await one.run()).toBe(false);
  expect(work).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(2000);
  expect(one.wait.value).toBe(0);
  await one.run();
  expect(work).toHaveBeenCalledTimes(2);
});

it("another failure lets the person press again at once", async () => {
  const one = act(() => Promise.reject(refused(409)));
  await one.run();
  expect([one.wait.value, (one.error.value as Problem).status]).toEqual([0, 409]);
});

it("an act that waits takes no second press", async () => {
  let finish = () => {};
  const work = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
  const one = act(work);
  const first = one.run();
  expect(one.busy.value).toBe(true);
  expect(await one.run()).toBe(false);
  finish();
  expect(await first).toBe(true);
  expect(work).toHaveBeenCalledTimes(1);
});
