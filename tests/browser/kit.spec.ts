// The page of all components, from the development server: every state, both themes, both languages.
import { spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, noSideways, noViolations, test } from "./kit/test";

let server: ChildProcess;
let address: string;

test.beforeAll(async () => {
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const found = probe.address();
      probe.close(() => resolve(typeof found === "object" && found ? found.port : 0));
    });
  });
  const web = join(import.meta.dirname, "../../web");
  const vite = join(web, "node_modules/vite/bin/vite.js");
  server = spawn(process.execPath, [vite, "--port", String(port), "--strictPort"], { cwd: web, stdio: "ignore" });
  address = `http://localhost:${port}/dev/kit`;
  await expect(async () => expect((await fetch(address)).ok).toBe(true)).toPass({ timeout: 30_000 });
});
test.afterAll(() => {
  server.kill();
});

for (const language of ["zh", "en"] as const) {
  for (const theme of ["light", "dark"] as const) {
    test(`every component in every state: ${language} ${theme}`, async ({ stranger }) => {
      const page = await stranger({ language, theme });
      await page.goto(address);
      await expect(page.getByRole("heading", { name: "Kit" })).toBeVisible({ timeout: 30_000 });
      await noViolations(page, "kit");
      await page.getByRole("combobox").click();
      await noViolations(page, "kit with an open list");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "菜单" }).click();
      await noViolations(page, "kit with an open menu");
      await page.keyboard.press("Escape");
      for (const name of ["Dialog", "Drawer"]) {
        await page.getByRole("button", { name, exact: true }).click();
        await expect(page.getByRole("dialog")).toBeVisible();
        await noViolations(page, name);
        await page.keyboard.press("Escape");
        await expect(page.getByRole("button", { name, exact: true })).toBeFocused();
      }
      await page.setViewportSize({ width: 375, height: 812 });
      await noSideways(page, "kit");
      await noViolations(page, "kit on the phone");
    });
  }
}
