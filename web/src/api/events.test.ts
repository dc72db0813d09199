import { QueryObserver } from "@tanstack/vue-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

class FakeSource extends EventTarget {
  static opened: FakeSource[] = [];
  closed = false;
  constructor(readonly url: string) {
    super();
    FakeSource.opened.push(this);
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.dispatchEvent(new Event("open"));
  }
  fail(): void {
    this.dispatchEvent(new Event("error"));
  }
  hint(kind: string, hint: object): void {
    this.dispatchEvent(Object.assign(new Event(kind), { data: JSON.stringify(hint) }));
  }
}
const last = () => FakeSource.opened.at(-1)!;

type Events = typeof import("./events");
let events: Events;
let queries: typeof import("./queries").queries;
let visibility: DocumentVisibilityState;

beforeEach(async () => {
  vi.useFakeTimers();
  FakeSource.opened = [];
  visibility = "visible";
  vi.stubGlobal("EventSource", FakeSource);
  vi.spyOn(document, "visibilityState", "get").mockImplementation(() => visibility);
  vi.resetModules();
  ({ queries } = await import("./queries"));
  events = await import("./events");
});
afterEach(() => {
  events.stopEvents();
  queries.clear();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("the stream of hints", () => {
  it("that is refused is tried again after 1, 2, 4, 8 and then every 15 s", () => {
    events.startEvents();
    for (const pause of [1, 2, 4, 8, 15, 15, 15]) {
      const before = FakeSource.opened.length;
      last().fail();
      expect(last().closed, "the browser's own tries would come beside ours").toBe(true);
      vi.advanceTimersByTime(pause * 1000 - 1);
      expect(FakeSource.opened).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(FakeSource.opened).toHaveLength(before + 1);
    }
    // One that was up starts with one second again.
    last().open();
    last().fail();
    const before = FakeSource.opened.length;
    vi.advanceTimersByTime(1000);
    expect(FakeSource.opened).toHaveLength(before + 1);
  });

  it("is tried at once when the network is back, and no more after the end", () => {
    events.startEvents();
    last().fail();
    dispatchEvent(new Event("online"));
    expect(FakeSource.opened).toHaveLength(2);
    last().fail();
    events.stopEvents();
    vi.advanceTimersByTime(60_000);
    expect(FakeSource.opened).toHaveLength(2);
  });

  it("without locks belongs to the visible tab", () => {
    expect("locks" in navigator).toBe(false);
    visibility = "hidden";
    events.startEvents();
    expect(FakeSource.opened).toHaveLength(0);
    visibility = "visible";
    document.dispatchEvent(new Event("visibilitychange"));
    expect(FakeSource.opened).toHaveLength(1);
    visibility = "hidden";
    document.dispatchEvent(new Event("visibilitychange"));
    expect(last().closed).toBe(true);
  });

  it("that comes or goes makes everything on the page be read again", () => {
    const again = vi.spyOn(queries, "invalidateQueries");
    events.startEvents();
    last().open();
    expect(again.mock.calls).toEqual([[]]);
    last().fail();
    expect(again.mock.calls).toEqual([[], []]);
    vi.advanceTimersByTime(1000);
    last().fail();
    expect(again, "it was gone already").toHaveBeenCalledTimes(2);
  });

  it("reads each thing at most once in half a second, whatever the number of hints", () => {
    const again = vi.spyOn(queries, "invalidateQueries");
    events.startEvents();
    last().open();
    again.mockClear();
    for (let at = 0; at < 50; at += 1) last().hint("ingest", { id: "i", flowId: "f", state: "running" });
    expect(again).not.toHaveBeenCalled();
    vi.advanceTimersByTime(500);
    const keys = again.mock.calls.map(([what]) => (what as { queryKey: unknown }).queryKey);
    expect(keys).toHaveLength(4);
    expect(keys).toEqual(expect.arrayContaining([["flow", "f"], ["ingest", "i"], ["flows"]]));
  });
});

describe("reading again by itself", () => {
  /** Watches a thing as a page does. Returns how often it was read. */
  function watched(kind: Parameters<Events["every"]>[0]): () => number {
    let reads = 0;
    const observer = new QueryObserver(queries, {
      queryKey: ["watched"],
      queryFn: () => (reads += 1),
      refetchInterval: () => events.every(kind),
    });
    observer.subscribe(() => undefined);
    queries.mount();
    return () => reads;
  }
  const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);

  it("happens every 3 s for what moves without the stream, every 15 s with it", async () => {
    events.startEvents();
    const reads = watched("moving");
    await pass(0.1);
    expect(reads()).toBe(1);
    await pass(9);
    expect(reads()).toBe(4);
    last().open();
    await pass(0.1);
    expect(reads(), "the stream has come").toBe(5);
    await pass(14.8);
    expect(reads()).toBe(5);
    await pass(0.2);
    expect(reads()).toBe(6);
    last().fail();
    await pass(0.1);
    expect(reads(), "the stream has gone").toBe(7);
    await pass(3);
    expect(reads()).toBe(8);
  });

  it("happens every 30 s for lists, and never for what does not change", async () => {
    events.startEvents();
    const reads = watched("list");
    await pass(29.9);
    expect(reads()).toBe(1);
    await pass(30.2);
    expect(reads()).toBe(3);
    queries.clear();
    expect(events.every("still")).toBe(false);
  });

  it("happens only in a visible tab, and at once when the tab becomes visible again", async () => {
    events.startEvents();
    const reads = watched("moving");
    await pass(3.1);
    expect(reads()).toBe(2);
    visibility = "hidden";
    window.dispatchEvent(new Event("visibilitychange"));
    await pass(60);
    expect(reads()).toBe(2);
    visibility = "visible";
    window.dispatchEvent(new Event("visibilitychange"));
    await pass(0.1);
    expect(reads()).toBe(3);
  });
});

it("says how fresh the page is: by hints, by reading again, or not at all", async () => {
  const { reachable } = await import("./client");
  events.startEvents();
  expect(events.freshness.value).toBe("polling");
  last().open();
  expect(events.freshness.value).toBe("live");
  reachable.value = false;
  expect(events.freshness.value).toBe("broken");
});
