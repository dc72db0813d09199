import { nextTick } from "vue";
import { expect, it } from "vitest";
import { settings } from "./settings";

it("takes over what another tab has set, so the next change here keeps it", async () => {
  localStorage.setItem("yinku.settings", JSON.stringify({ ...settings, language: "en", density: "compact" }));
  dispatchEvent(new StorageEvent("storage", { key: "yinku.settings" }));
  await nextTick();
  expect([settings.language, document.documentElement.lang]).toEqual(["en", "en"]);
  settings.theme = "dark";
  await nextTick();
  const kept = JSON.parse(localStorage.getItem("yinku.settings") ?? "{}") as typeof settings;
  expect([kept.language, kept.density, kept.theme]).toEqual(["en", "compact", "dark"]);
  expect(document.documentElement.dataset.theme).toBe("dark");
});
