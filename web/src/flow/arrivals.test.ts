import { effectScope, nextTick, ref, watch } from "vue";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { polite } from "@/ui/announce";
import { announceArrivals } from "./arrivals";

interface Seen {
  id: string;
  counts: { authorised: number; counted: number; received: number; missing: number } | null;
}
const flow = ref<Seen | undefined>();
const id = ref("one");
let scope = effectScope();
let said: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  id.value = "one";
  flow.value = undefined;
  scope = effectScope();
  scope.run(() => {
    watch(polite, (text) => said.push(text.trim()), { flush: "sync" });
    announceArrivals(
      () => id.value,
      () => flow.value,
    );
  });
});
afterEach(() => {
  scope.stop();
  // The quiet of ten seconds ends.
  vi.runAllTimers();
  vi.useRealTimers();
});
async function read(received: number, missing: number): Promise<void> {
  flow.value = { id: id.value, counts: { authorised: 9, counted: received + missing, received, missing } };
  await nextTick();
}

it("says nothing of the photos that were here before", async () => {
  await read(4, 2);
  expect(said).toEqual([]);
});

it("speaks of the first photo, too", async () => {
  flow.value = { id: "one", counts: null };
  await nextTick();
  await read(1, 2);
  expect(said).toEqual(["又收到 1 张，还差 2 张"]);
});

it("speaks at most every 10 s, of all that came meanwhile", async () => {
  await read(1, 5);
  await read(2, 4);
  await read(3, 3);
  vi.advanceTimersByTime(9_000);
  await read(5, 1);
  expect(said).toEqual(["又收到 1 张，还差 4 张"]);
  vi.advanceTimersByTime(1_000);
  expect(said).toEqual(["又收到 1 张，还差 4 张", "又收到 3 张，还差 1 张"]);
  vi.advanceTimersByTime(60_000);
  expect(said).toHaveLength(2);
});

it("does not mix two flows", async () => {
  await read(8, 0);
  id.value = "two";
  await nextTick();
  await read(9, 0);
  expect(said).toEqual([]);
});
