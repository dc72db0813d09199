import { h, nextTick, ref, type Ref } from "vue";
import { afterEach, expect, it } from "vitest";
import { json, settle, stage, strike, type Stage } from "../../tests/stage";
import PeoplePicker from "./PeoplePicker.vue";

afterEach(strike);

/** More people than one answer has: the last ones are found only by asking for them. */
const everyone = Array.from({ length: 450 }, (_, at) => ({ username: `p${at}`, displayName: `员工${at}` }));
function reply(request: Request): Response {
  const query = new URL(request.url).searchParams;
  const limit = Number(query.get("limit"));
  const q = query.get("q") ?? "";
  const found = everyone.filter((one) => one.username.includes(q) || one.displayName.includes(q));
  return json({ items: found.slice(0, limit), next: found.length > limit ? "more" : null, total: found.length });
}
async function picker(chosen: string[]): Promise<{ values: Ref<string[]>; shown: Stage }> {
  const values = ref(chosen);
  const part = () =>
    h(PeoplePicker, {
      modelValue: values.value,
      control: { id: "who" },
      "onUpdate:modelValue": (now: string[]) => (values.value = now),
    });
  const shown = await stage(part, { reply });
  return { values, shown };
}
const input = () => document.querySelector<HTMLInputElement>("[role=combobox]")!;
const options = () => [...document.querySelectorAll("[role=option]")].map((one) => one.textContent?.trim());
const tags = () => [...document.querySelectorAll(".tag")].map((one) => one.textContent?.trim());
async function type(text: string): Promise<void> {
  input().value = text;
  input().dispatchEvent(new Event("input"));
  await settle();
}

it("a person beyond the first 200 is found by typing, and keeps the name", async () => {
  const { values } = await picker([]);
  input().click();
  await settle();
  expect(options()).toHaveLength(200);
  expect(document.querySelector(".pick-list")?.textContent).toContain("只列出前 200 人，请输入姓名查找");
  await type("员工431");
  expect(options()).toEqual(["员工431p431"]);
  expect(document.querySelector(".pick-list")?.textContent).not.toContain("只列出前");
  document.querySelector<HTMLElement>("[role=option]")!.click();
  await settle();
  expect([values.value, tags()]).toEqual([["p431"], ["员工431"]]);
});

it("people of a draft beyond the first 200 get their names, also behind one who is in no list", async () => {
  const { shown } = await picker(["p3", "gone", "p431", "p449"]);
  await settle();
  await settle();
  expect(tags()).toEqual(["员工3", "gone", "员工431", "员工449"]);
  // One question for all, and one for each who is not among the first.
  expect(shown.reads).toHaveLength(4);
  await nextTick();
});
