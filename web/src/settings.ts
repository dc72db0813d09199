// What a person sets for this browser. public/boot.js reads the same key before the first paint.
import { reactive, watch } from "vue";

export type Language = "zh" | "en";
export type Theme = "system" | "light" | "dark";
interface Settings {
  language: Language;
  theme: Theme;
  density: "normal" | "compact";
  /** Single letters act, such as `c` and `/`. */
  letters: boolean;
  photoSize: "s" | "m" | "l";
}

const KEY = "yinku.settings";
const defaults: Settings = { language: "zh", theme: "system", density: "normal", letters: true, photoSize: "m" };

function load(): Partial<Settings> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>;
  } catch {
    return {};
  }
}

export const settings = reactive<Settings>({ ...defaults, ...load() });
const dark = matchMedia("(prefers-color-scheme: dark)");

export function isDark(): boolean {
  return settings.theme === "dark" || (settings.theme === "system" && dark.matches);
}

function apply(): void {
  const root = document.documentElement;
  root.dataset.theme = isDark() ? "dark" : "light";
  root.lang = settings.language === "en" ? "en" : "zh-CN";
  root.dataset.density = settings.density;
}

dark.addEventListener("change", apply);
// Another tab has changed them. Without this its change would be lost with the next one here.
addEventListener("storage", ({ key }) => key === KEY && Object.assign(settings, defaults, load()));
watch(
  settings,
  () => {
    apply();
    try {
      localStorage.setItem(KEY, JSON.stringify(settings));
    } catch {
      // The settings then hold until the page is closed.
    }
  },
  { deep: true },
);
apply();
