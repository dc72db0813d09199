// Runs before the first paint. The same keys are in src/settings.ts.
(function () {
  var saved = {};
  try {
    saved = JSON.parse(localStorage.getItem("yinku.settings") || "{}");
  } catch {
    // A browser without storage uses the defaults.
  }
  var root = document.documentElement;
  var dark = saved.theme === "dark" || (saved.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "dark" : "light";
  root.lang = saved.language === "en" ? "en" : "zh-CN";
  root.dataset.density = saved.density === "compact" ? "compact" : "normal";
})();
