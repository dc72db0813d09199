// The sizes of the built pages, as they are sent: compressed by brotli. Run `npm run build` before.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Chunk {
  file: string;
  css?: string[];
  imports?: string[];
  isEntry?: boolean;
  isDynamicEntry?: boolean;
}
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8")) as Record<string, Chunk>;
const kilobytes = (file: string) => readFileSync(`dist/${file}.br`).length / 1000;

/** All chunks that a chunk needs before it runs. */
function needs(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  manifest[name]!.imports?.forEach((next) => needs(next, found));
  return found;
}
const scripts = (names: Iterable<string>) => [...names].reduce((sum, name) => sum + kilobytes(manifest[name]!.file), 0);
const entry = Object.keys(manifest).find((name) => manifest[name]!.isEntry)!;
const core = needs(entry);
const routes = Object.keys(manifest).filter((name) => manifest[name]!.isDynamicEntry);

describe("budgets", () => {
  it("loads at most 150 KB of script at first, the start page included", () => {
    const first = needs("src/flows/FlowsPage.vue", new Set(core));
    console.info(`first load ${scripts(first).toFixed(1)} KB, core ${scripts(core).toFixed(1)} KB`);
    expect(scripts(first)).toBeLessThanOrEqual(150);
  });
  it.each(routes)("%s adds at most 60 KB", (route) => {
    const added = [...needs(route)].filter((name) => !core.has(name));
    expect(scripts(added)).toBeLessThanOrEqual(60);
  });
  it("has at most 20 KB of style sheets", () => {
    const sheets = new Set(Object.values(manifest).flatMap((chunk) => chunk.css ?? []));
    expect([...sheets].reduce((sum, file) => sum + kilobytes(file), 0)).toBeLessThanOrEqual(20);
  });
});
