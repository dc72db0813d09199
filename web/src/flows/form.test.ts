import { describe, expect, it } from "vitest";
import { changesOf, check, formOf, namesIn, pasted, rowsOf, valuesOf, type Field } from "./form";

const field = (key: string, type: Field["type"], rest: Partial<Field> = {}): Field => ({
  key,
  label: key,
  type,
  ...rest,
});
const seals = field("seals", "table", {
  required: true,
  columns: [
    field("seal", "seal", { required: true }),
    field("count", "number", { required: true }),
    field("users", "users", { required: true }),
  ],
});
const fields = [
  field("subject", "text", { required: true }),
  field("amount", "number"),
  seals,
  field("photos", "files"),
];
const words = { need: (label: string) => `need ${label}`, whole: "whole", number: "number", needRow: "row" };
const counts = new Set(["seals.count"]);

describe("a form", () => {
  it("begins with one empty row and sends nothing that is empty", () => {
    const values = valuesOf(fields);
    expect(values).toEqual({ subject: "", amount: "", seals: [{ seal: [], count: "", users: [] }] });
    expect(formOf(fields, values)).toEqual({});
  });
  it("sends a seal as text, people as a list, numbers as numbers, and leaves empty rows out", () => {
    const row = { seal: ["公章"], count: "2", users: ["wang"] };
    const values = { subject: " 合同 ", amount: "1.5", seals: [{ seal: [], count: "", users: [] }, row] };
    expect(formOf(fields, values)).toEqual({
      subject: "合同",
      amount: 1.5,
      seals: [{ seal: "公章", count: 2, users: ["wang"] }],
    });
  });
  it("survives the way from the service and back", () => {
    const form = { subject: "合同", seals: [{ seal: "公章", count: 2, users: ["wang", "li"] }] };
    expect(formOf(fields, valuesOf(fields, form))).toEqual(form);
  });
  it("sends null for a field that was emptied", () => {
    const before = { subject: "合同", amount: 3 };
    expect(changesOf(fields, { ...valuesOf(fields, before), amount: "" }, before)).toEqual({
      subject: "合同",
      amount: null,
    });
  });
});

describe("checks", () => {
  it("name the fields by the service's paths; an empty row between does not count", () => {
    const values = {
      subject: "",
      amount: "",
      seals: [
        { seal: [], count: "", users: [] },
        { seal: ["公章"], count: "0", users: [] },
      ],
    };
    expect(check(fields, values, counts, words)).toEqual({
      "form.subject": "need subject",
      "form.seals.0.count": "whole",
      "form.seals.0.users": "need users",
    });
  });
  it("ask for a row, and let other numbers have any value", () => {
    expect(check(fields, { ...valuesOf(fields), subject: "a", amount: "0.5" }, counts, words)).toEqual({
      "form.seals": "row",
    });
  });
});

describe("numbers", () => {
  const values = (amount: string, count: string) => ({
    subject: "a",
    amount,
    seals: [{ seal: ["公章"], count, users: ["wang"] }],
  });
  it("take digits of full width, as a Chinese keyboard types them", () => {
    expect(check(fields, values("１.５", "１２"), counts, words)).toEqual({});
    expect(formOf(fields, values("１.５", "１２"))).toMatchObject({ amount: 1.5, seals: [{ count: 12 }] });
  });
  it("that are none are named as what they should be", () => {
    expect(check(fields, values("abc", "2.5"), counts, words)).toEqual({
      "form.amount": "number",
      "form.seals.0.count": "whole",
    });
  });
  it("that are none stay as they were pasted", () => {
    const cells = [
      ["公章", "两次", "王五"],
      ["公章", "３", "王五"],
    ];
    expect(rowsOf(cells, seals.columns!, {}).map((row) => row.count)).toEqual(["两次", 3]);
  });
});

describe("cells of a spreadsheet", () => {
  it("become rows, with quotes and breaks", () => {
    expect(pasted('公章\t2\t王五\r\n"合同\n专用章"\t1\t"王""五"\r\n\r\n')).toEqual([
      ["公章", "2", "王五"],
      ["合同\n专用章", "1", '王"五'],
    ]);
  });
  it("find people by name", () => {
    expect(
      namesIn(
        [
          ["公章", "2", "王五、李四"],
          ["合同章", "1", "李四"],
        ],
        seals.columns!,
      ),
    ).toEqual(["王五", "李四"]);
    expect(rowsOf([["公章", "2", "王五、李四"]], seals.columns!, { 王五: "wang", 李四: "li" })).toEqual([
      { seal: ["公章"], count: 2, users: ["wang", "li"] },
    ]);
  });
});
