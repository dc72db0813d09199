import { expect, it } from "vitest";
import { grantNames } from "./naming";

const grant = (id: string, seal: string, username: string | null, deviceNo = "Q1") => ({
  id,
  seal,
  username,
  deviceNo,
  user: username,
});
const names = (...grants: ReturnType<typeof grant>[]) => [...grantNames(grants, { wang: "王五", li: "李四" }).values()];

it("names a seal alone where it occurs once", () => {
  expect(names(grant("1", "公章", "wang"), grant("2", "合同专用章", "wang"))).toEqual(["公章", "合同专用章"]);
});
it("names the person where a seal occurs twice, and the box where the person does, too", () => {
  expect(names(grant("1", "公章", "wang"), grant("2", "公章", "li"))).toEqual(["公章 · 王五", "公章 · 李四"]);
  const twice = [grant("1", "公章", "wang", "Q1"), grant("2", "公章", "wang", "Q4")];
  expect(names(...twice)).toEqual(["公章 · 王五 · Q1", "公章 · 王五 · Q4"]);
});
it("manages without a person", () => {
  expect(names(grant("1", "公章", null, "Q1"), grant("2", "公章", null, "Q4"))).toEqual(["公章 · Q1", "公章 · Q4"]);
});
