// The pages in Debian's Chromium, over the real program and a simulated vendor.
import { defineConfig } from "@playwright/test";
import type { Options } from "./kit/test";

export default defineConfig<object, Options>({
  testDir: ".",
  outputDir: "results",
  // Two processors: one browser beside the service.
  workers: 1,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  use: { actionTimeout: 10_000 },
  retries: 0,
  forbidOnly: true,
  reporter: [["list"]],
  projects: [
    { name: "sqlite", use: { engine: "sqlite" } },
    // The main story on the other engine, too.
    {
      name: "postgres",
      use: { engine: "postgres" },
      testMatch: /main\.spec\.ts/,
    },
  ],
});
