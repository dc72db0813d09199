// The pairs of section 4.1 of the design, recomputed from tokens.css.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync("src/style/tokens.css", "utf8");
const [light, dark] = css.split('[data-theme="dark"]');
const tokens = (text: string) =>
  Object.fromEntries([...text.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1]!, m[2]!]));
const themes = { light: tokens(light!), dark: { ...tokens(light!), ...tokens(dark!) } };

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)].sort((x, y) => y - x);
  return (a! + 0.05) / (b! + 0.05);
}

const grounds = ["bg", "surface", "surface-2", "sunken"];
const text: [string, string][] = [
  ...["text", "text-2", "text-3", "accent"].flatMap((token) =>
    grounds.map((ground): [string, string] => [token, ground]),
  ),
  ["on-accent", "accent"],
  ["on-seal", "seal"],
  ["text", "accent-soft"],
  ["text-3", "accent-soft"],
  ["accent", "accent-soft"],
  ["seal", "surface"],
  ...["seal", "ok", "warn", "danger", "info", "quiet"].map((token): [string, string] => [token, `${token}-soft`]),
  ["danger", "surface"],
  ["warn", "surface"],
];
const edges: [string, string][] = [
  ["line-strong", "surface"],
  ["line-strong", "surface-2"],
  ["focus", "bg"],
  ["focus", "surface"],
  ["ok-bar", "surface"],
  ["warn-bar", "surface"],
];

describe.each(Object.entries(themes))("%s", (_, theme) => {
  it.each(text)("%s on %s can be read", (token, ground) => {
    expect(contrast(theme[token]!, theme[ground]!)).toBeGreaterThanOrEqual(4.5);
  });
  it.each(edges)("%s on %s can be seen", (token, ground) => {
    expect(contrast(theme[token]!, theme[ground]!)).toBeGreaterThanOrEqual(3);
  });
});
