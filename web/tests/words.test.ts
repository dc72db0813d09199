// Both languages have every word. The types prove it for keys; this proves it for what they say.
import { expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { en } from "@/words/en";
import { problemEn } from "@/words/problem.en";
import { problemZh } from "@/words/problem.zh";
import { zh } from "@/words/zh";

function leaves(value: unknown, path = ""): [string, unknown][] {
  if (value && typeof value === "object") {
    return Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${path}.${key}`));
  }
  return [[path, value]];
}
const shape = (words: object) => leaves(words).map(([path, value]) => `${path}:${typeof value}`);

it("has the same words in both languages", () => expect(shape(en).sort()).toEqual(shape(zh).sort()));
it("has Chinese in Chinese and none in English", () => {
  const han = /\p{Script=Han}/u;
  const english = leaves(en).filter(
    ([path, value]) => typeof value === "string" && han.test(value) && !/language/.test(path),
  );
  expect(english).toEqual([]);
});
it("has a sentence for every code of the service, and no other", () => {
  const document = JSON.parse(readFileSync("../docs/openapi.json", "utf8"));
  const codes = [...document.components.schemas.Code.enum, "network", "offline", "unreadable"].sort();
  expect(Object.keys(problemZh).sort()).toEqual(codes);
  expect(Object.keys(problemEn).sort()).toEqual(codes);
});
