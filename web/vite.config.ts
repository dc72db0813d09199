import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => ({
  // The service writes the path of `public_url` into <base>, so every address is relative to it.
  base: mode === "development" ? "/" : "./",
  plugins: [vue()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false" },
  build: { target: "es2022", manifest: true, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  server: { proxy: { "/api": process.env.YINKU ?? "http://127.0.0.1:8080" } },
  test: { environment: "jsdom", setupFiles: ["tests/setup.ts"], include: ["src/**/*.test.ts", "tests/**/*.test.ts"] },
}));
