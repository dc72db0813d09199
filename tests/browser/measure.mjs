// Measures the pages of a running demo with the processor slowed: node measure.mjs ADDRESS USER PASSWORD ROUNDS.
// Prints one JSON object: for each page the first contentful paint, for each act the longest interaction, in milliseconds.
import { chromium } from "playwright";

const [base, username, password, rounds] = process.argv.slice(2);
const SLOWED = 4;
const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS.split(" ") });

async function open(path, loggedIn = true) {
  const context = await browser.newContext({ baseURL: base, locale: "zh-CN", viewport: { width: 1440, height: 900 } });
  if (loggedIn) {
    const answer = await context.request.post("/api/session", { data: { username, password } });
    if (!answer.ok()) throw new Error(await answer.text());
  }
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: SLOWED });
  await page.addInitScript(() => {
    window.interactions = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (entry.interactionId) window.interactions.push(entry.duration);
    }).observe({ type: "event", durationThreshold: 16, buffered: true });
  });
  await page.goto(path, { waitUntil: "load" });
  return page;
}

async function firstPaint(path, loggedIn) {
  const page = await open(path, loggedIn);
  const paint = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  const time = await paint.jsonValue();
  await page.context().close();
  return time;
}

/** The longest interaction of an act. One that takes less than 16 ms is not reported, so it counts as 16. */
async function interaction(path, ready, act) {
  const page = await open(path);
  await page.locator(ready).first().waitFor();
  await page.evaluate(() => (window.interactions = []));
  await act(page);
  // The observer is told after the frame that shows the result.
  await page.waitForTimeout(600);
  const longest = await page.evaluate(() => Math.max(16, ...window.interactions));
  await page.context().close();
  return longest;
}

const session = await open("/flows?tab=all");
await session.locator("main a[href*='/flows/0']").first().waitFor();
const flow = new URL(await session.locator("main a[href*='/flows/0']").first().getAttribute("href"), base).pathname;
await session.context().close();

const pages = {
  "login": () => firstPaint("/", false),
  "list of flows": () => firstPaint("/flows?tab=all"),
  "flow": () => firstPaint(flow),
  "start": () => firstPaint("/flows/new"),
  "own settings": () => firstPaint("/me"),
};
const acts = {
  "another tab of the list": () =>
    interaction("/flows?tab=all", "main a[href*='/flows/0']", (page) => page.getByRole("tab").nth(1).click()),
  "words in the search of the list": () =>
    interaction("/flows?tab=all", "main a[href*='/flows/0']", (page) =>
      page.locator("main input").first().pressSequentially("yk2026", { delay: 120 }),
    ),
  "from the list to a flow": () =>
    interaction("/flows?tab=all", "main a[href*='/flows/0']", (page) =>
      page.locator("main a[href*='/flows/0']").first().click(),
    ),
  "a photo": () => interaction(flow, "button.photo", (page) => page.locator("button.photo").first().click()),
  "the next photo by key": () =>
    interaction(flow, "button.photo", async (page) => {
      await page.locator("button.photo").first().click();
      await page.getByRole("dialog").waitFor();
      for (let turn = 0; turn < 5; turn += 1) await page.keyboard.press("ArrowRight", { delay: 50 });
    }),
  "a dialog": () => interaction(flow, "h1", (page) => page.getByRole("button", { name: /^动态/ }).click()),
  "the menu of the user": () =>
    interaction(flow, "h1", (page) => page.locator("header").getByRole("button").last().click()),
};

async function measured(all) {
  const times = {};
  for (const [name, measure] of Object.entries(all)) {
    times[name] = [];
    for (let round = 0; round < Number(rounds); round += 1) times[name].push(await measure());
  }
  return times;
}

const version = browser.version();
console.log(JSON.stringify({ version, slowed: SLOWED, pages: await measured(pages), acts: await measured(acts) }));
await browser.close();
