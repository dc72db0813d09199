// Every test fails on a script error, a console error or a violation of the content policy.
import { readFileSync } from "node:fs";
import { test as base, expect, type BrowserContext, type Page } from "@playwright/test";
import { House, PASSWORD, type Engine, type Person } from "./house";

export interface Options {
  engine: Engine;
}
export interface Look {
  language?: "zh" | "en";
  theme?: "light" | "dark";
  phone?: boolean;
}
interface WorkerFixtures extends Options {
  house: House;
}
interface Fixtures {
  /** Fails at the end with every place that was wider than its box: a log that is cut still names them all. */
  wide: void;
  /** Opens a browser context of its own for a person who is signed in. */
  person(name: Person, look?: Look): Promise<Page>;
  /** Opens a context without a session. */
  stranger(look?: Look): Promise<Page>;
  /** Console messages that this test provokes, such as answers with 409. */
  expected: RegExp | undefined;
}

const axeSource = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export const CHROMIUM = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

export const test = base.extend<Fixtures, WorkerFixtures>({
  engine: ["sqlite", { option: true, scope: "worker" }],
  launchOptions: [CHROMIUM, { scope: "worker" }],
  house: [
    async ({ engine }, use) => {
      const house = await House.open(engine);
      await use(house);
      await house.close();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  expected: [undefined, { option: true }],
  wide: [
    async ({}, use) => {
      tooWide.length = 0;
      await use();
      if (tooWide.length > 0) throw new Error(`wider than their boxes:\n${tooWide.join("\n")}`);
    },
    { auto: true },
  ],
  stranger: async ({ browser, house, expected }, use) => {
    const opened: { context: BrowserContext; faults: string[] }[] = [];
    await use(async (look = {}) => {
      const phone = look.phone ?? false;
      const context = await browser.newContext({
        baseURL: house.base,
        viewport: phone ? { width: 375, height: 812 } : { width: 1440, height: 900 },
        deviceScaleFactor: phone ? 2 : 1,
        isMobile: phone,
        hasTouch: phone,
        locale: "zh-CN",
        timezoneId: "Asia/Shanghai",
        reducedMotion: "reduce",
      });
      // Only before the first page: what a person changes later stays.
      await context.addInitScript(
        (settings) => {
          if (!localStorage.getItem("yinku.settings")) localStorage.setItem("yinku.settings", JSON.stringify(settings));
        },
        { language: look.language ?? "zh", theme: look.theme ?? "light" },
      );
      const page = await context.newPage();
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
      page.on("console", (message) => {
        if (message.type() !== "error" && message.type() !== "warning") return;
        if (!expected?.test(message.text())) faults.push(`console: ${message.text()}`);
      });
      opened.push({ context, faults });
      return page;
    });
    for (const { context, faults } of opened) {
      await context.close();
      expect(faults, "no script error, no console error, no violation of the content policy").toEqual([]);
    }
  },
  person: async ({ stranger, house }, use) => {
    await use(async (name, look) => {
      const page = await stranger(look);
      const cookie = await house.login(name);
      const cookies = cookie.split("; ").map((one) => {
        const [key, ...value] = one.split("=");
        return { name: key!, value: value.join("="), url: house.base };
      });
      await page.context().addCookies(cookies);
      return page;
    });
  },
});

/** Asserts that axe finds nothing on the page as it is now. */
export async function noViolations(page: Page, what: string): Promise<void> {
  // The tabs of the page must have come to rest: a colour in between is no colour of ours.
  await page.evaluate(() =>
    Promise.all(
      document.getAnimations().map((one) => (one.effect?.getTiming().iterations === Infinity ? null : one.finished)),
    ),
  );
  // A control that shows only an icon has its tooltip from this name.
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, a[href]")]
      .filter((one) => one.checkVisibility() && one.textContent?.trim() === "" && !one.getAttribute("aria-label"))
      .map((one) => one.outerHTML.slice(0, 200)),
  );
  expect(nameless, `${what}: icons without a name`).toEqual([]);
  await page.evaluate(`if (!window.axe) { ${axeSource} }`);
  const found = await page.evaluate(async (tags) => {
    const axe = (
      window as unknown as {
        axe: {
          run(
            root: Document,
            options: object,
          ): Promise<{
            violations: {
              id: string;
              nodes: { target: unknown[]; failureSummary?: string }[];
            }[];
          }>;
        };
      }
    ).axe;
    const { violations } = await axe.run(document, { runOnly: tags });
    return violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map((node) => `${node.target.join(" ")} (${node.failureSummary ?? ""})`).join(" | ")}`,
    );
  }, TAGS);
  expect(found, what).toEqual([]);
}

/** What may be wider than its box: it scrolls by itself, or it is a picture that is moved. */
const WIDE = ".filters, .tabs, .scroll-x, .scroll-x *, .stage, .stage *, .sr, .sr-live, input, select, textarea";

/** What `noSideways` found in this test. */
const tooWide: string[] = [];

/**
 * Asserts that the page does not scroll sideways, and that nothing is cut off at the right: also in a wider font. The
 * test goes on, and fails at its end with all places.
 */
export async function noSideways(page: Page, what: string): Promise<void> {
  const over = await page.evaluate((wide) => {
    const tooWide = () =>
      [document.documentElement, ...document.querySelectorAll<HTMLElement>("body *")]
        .filter((box) => box.clientWidth > 0 && box.scrollWidth > box.clientWidth + 1 && !box.matches(wide))
        .filter((box) => {
          const style = getComputedStyle(box);
          return style.overflowX !== "visible" && style.textOverflow !== "ellipsis";
        })
        .map((box) => `${box.tagName}.${box.className} ${box.scrollWidth} > ${box.clientWidth}: ${culprit(box)}`);
    // The widest text or control that reaches over the edge.
    const culprit = (box: HTMLElement) => {
      const edge = box.getBoundingClientRect().left + box.clientLeft + box.clientWidth + 1;
      const reach = (one: HTMLElement) => {
        const range = document.createRange();
        range.selectNodeContents(one);
        return one.childElementCount > 0 || one.matches(wide)
          ? 0
          : Math.max(range.getBoundingClientRect().right, one.scrollWidth);
      };
      const all = [...box.querySelectorAll<HTMLElement>("*")].filter((one) => reach(one) > edge);
      const worst = all.sort((one, other) => reach(other) - reach(one))[0] ?? box;
      const parent = worst.parentElement;
      return `${parent?.className} > ${worst.tagName}.${worst.className} “${(worst.textContent ?? "").trim().slice(0, 40)}”`;
    };
    const root = document.documentElement;
    const isFramed = document.querySelector(".app") !== null && document.querySelector("[role=dialog]") === null;
    const around =
      isFramed && root.scrollHeight > root.clientHeight + 1
        ? [`the document scrolls beside the page: ${root.scrollHeight} > ${root.clientHeight}`]
        : [];
    const asItIs = [...around, ...tooWide()];
    // Other machines have other Latin fonts.
    const wider = new CSSStyleSheet();
    wider.replaceSync("* { letter-spacing: 0.08em !important; }");
    document.adoptedStyleSheets = [wider];
    const inWiderFont = tooWide().map((box) => `${box} (wider font)`);
    document.adoptedStyleSheets = [];
    return [...asItIs, ...inWiderFont];
  }, WIDE);
  tooWide.push(...over.map((place) => `${what}: ${place}`));
}

export { expect, PASSWORD };
/** The console names every answer that is no success. */
export const ANSWER = (status: number) => new RegExp(`status of ${status}`);
