import { beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope, nextTick, ref } from "vue";
import { dropDrafts, keptDraft, useDraft } from "./drafts";

const empty = (text: string) => text === "";

beforeEach(() => {
  localStorage.clear();
  vi.useFakeTimers();
});

describe("drafts", () => {
  it("are kept one second after the last key and offered on return", async () => {
    const scope = effectScope();
    const text = ref("");
    scope.run(() => useDraft("li", "flow:1:comment", text, empty));
    text.value = "公章十次";
    await nextTick();
    vi.advanceTimersByTime(900);
    expect(keptDraft("li", "flow:1:comment")).toBeNull();
    vi.advanceTimersByTime(200);
    expect(keptDraft<string>("li", "flow:1:comment")?.value).toBe("公章十次");
    scope.stop();
    const again = ref("");
    const draft = effectScope().run(() => useDraft("li", "flow:1:comment", again, empty))!;
    expect([again.value, draft.restored.value !== null]).toEqual(["公章十次", true]);
  });

  it("keep the last keys when the page goes within the second", async () => {
    const scope = effectScope();
    const text = ref("");
    scope.run(() => useDraft("li", "a", text, empty));
    text.value = "快";
    await nextTick();
    dispatchEvent(new Event("pagehide"));
    expect(keptDraft<string>("li", "a")?.value).toBe("快");
    text.value = "快一点";
    await nextTick();
    scope.stop();
    expect(keptDraft<string>("li", "a")?.value).toBe("快一点");
  });

  it("are gone after success and do not come back from the reset", async () => {
    const text = ref("");
    const draft = effectScope().run(() => useDraft("li", "b", text, empty))!;
    text.value = "同意";
    await nextTick();
    vi.advanceTimersByTime(1100);
    draft.clear();
    await nextTick();
    vi.advanceTimersByTime(2000);
    expect([text.value, keptDraft("li", "b")]).toEqual(["", null]);
  });

  it("belong to a person, and go with the sign-out", async () => {
    const text = ref("");
    effectScope().run(() => useDraft("li", "c", text, empty));
    text.value = "我的";
    await nextTick();
    vi.advanceTimersByTime(1100);
    expect(keptDraft("wang", "c")).toBeNull();
    dropDrafts("li");
    expect(keptDraft("li", "c")).toBeNull();
  });
});
