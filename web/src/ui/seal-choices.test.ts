import { expect, it } from "vitest";
import { sealChoices } from "./seal-choices";

const seal = (name: string, deviceNo: string | null, location: string | null = null, owner: string | null = null) => ({
  name,
  deviceNo,
  location,
  owner,
});

it("takes the name for a seal that has its name alone, and the number of the box where several have it", () => {
  const { options, names, boxes } = sealChoices([
    seal("公章", "A1", "上海", "甲公司"),
    seal("公章", "A2", "北京", "乙公司"),
    seal("合同专用章", "B1"),
    seal("法人章", null),
  ]);
  expect(options.map((one) => [one.value, one.label, one.note])).toEqual([
    ["A1", "公章", "A1 · 上海 · 甲公司"],
    ["A2", "公章", "A2 · 北京 · 乙公司"],
    ["合同专用章", "合同专用章", "B1"],
    ["法人章", "法人章", ""],
  ]);
  expect(names).toMatchObject({ A1: "公章", A2: "公章", B1: "合同专用章", 合同专用章: "合同专用章" });
  expect([...boxes.keys()]).toEqual(["公章"]);
  expect(boxes.get("公章")?.map((one) => one.value)).toEqual(["A1", "A2"]);
});

it("is made once for a list", () => {
  const seals = [seal("公章", "A1")];
  expect(sealChoices(seals)).toBe(sealChoices(seals));
});
