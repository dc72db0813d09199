import { afterEach, expect, it } from "vitest";
import { json, stage, strike } from "../../tests/stage";
import BannerList from "./BannerList.vue";
import type { Flow } from "./flow";

afterEach(strike);

const event = (act: Flow["events"][number]["act"], id: string) =>
  ({ id, at: "2026-11-27T02:05:00Z", actor: "yinku", act, node: null, target: null, detail: "key" }) as const;

it.each([
  [0, "0 个原件 · 清单 #1"],
  [1, "0 个原件 · 清单 #1 · 补充 #2"],
  [2, "0 个原件 · 清单 #1 · 补充 #2 · 补充 #3"],
])("an archive that was supplemented %d times names its manifests", async (times, words) => {
  const supplements = Array.from({ length: times }, (_, at) => event("supplemented", `e${at + 1}`));
  const events = [event("archived", "e0"), ...supplements];
  await stage(BannerList, {
    flow: { state: "archived", phase: "archived", archivedAt: "2026-11-27T02:05:00Z", events },
    reply: () => json({}),
  });
  expect(document.querySelector(".banner.ok")?.textContent).toMatch(/^已归档 /);
  expect(document.querySelector(".banner.ok")?.textContent).toContain(words);
  expect(document.querySelector(".banner.ok")?.textContent?.trim().endsWith(words)).toBe(true);
});
