import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ask, Problem, reachable } from "./client";

const asked = vi.fn<(request: Request) => Promise<Response>>();

beforeEach(() => {
  vi.useFakeTimers();
  asked.mockReset().mockImplementation(() => Promise.resolve(new Response("{}")));
  vi.stubGlobal("fetch", asked);
  dispatchEvent(new Event("pointerdown"));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});
const isPoll = async (init?: RequestInit) => {
  await ask("http://localhost/api/flows", init);
  return asked.mock.lastCall![0].headers.get("x-yinku-poll");
};

it("reads of a page that nobody uses keep no session alive", async () => {
  expect(await isPoll()).toBeNull();
  vi.advanceTimersByTime(59_000);
  expect(await isPoll(), "a person who reads and types is here").toBeNull();
  vi.advanceTimersByTime(2_000);
  expect(await isPoll()).toBe("1");
  dispatchEvent(new Event("keydown"));
  expect(await isPoll()).toBeNull();
  vi.advanceTimersByTime(61_000);
  expect(await isPoll({ method: "POST", body: "{}" }), "an act is of a person").toBeNull();
});

it("refuses a write at once while the browser is offline, and asks nobody", async () => {
  vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
  const refused = await ask("http://localhost/api/flows", { method: "POST", body: "{}" }).catch((error) => error);
  expect(refused).toBeInstanceOf(Problem);
  expect((refused as Problem).code).toBe("offline");
  expect(asked).not.toHaveBeenCalled();
});

it("knows that no answer came, until one comes", async () => {
  asked.mockRejectedValueOnce(new TypeError("failed to fetch"));
  await expect(ask("http://localhost/api/flows")).rejects.toMatchObject({ code: "network" });
  expect(reachable.value).toBe(false);
  await ask("http://localhost/api/flows");
  expect(reachable.value).toBe(true);
});
