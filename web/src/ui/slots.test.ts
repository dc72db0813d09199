import { expect, it } from "vitest";
import { slotsOf, withFocus } from "./slots";

it("fills the place of rows that are not in the page", () => {
  const rows = [
    { index: 10, start: 600, end: 650 },
    { index: 11, start: 650, end: 700 },
  ];
  expect(slotsOf(rows, 100, 1000)).toEqual([
    { gap: 500, key: "before-10" },
    { index: 10 },
    { index: 11 },
    { gap: 400, key: "after" },
  ]);
});
it("keeps a row far away from the others at its place", () => {
  const rows = [
    { index: 0, start: 0, end: 50 },
    { index: 7, start: 350, end: 400 },
  ];
  expect(slotsOf(rows, 0, 400)).toEqual([{ index: 0 }, { gap: 300, key: "before-7" }, { index: 7 }]);
});
it("has no empty space where all rows are shown", () => {
  expect(slotsOf([{ index: 0, start: 20, end: 70 }], 20, 50)).toEqual([{ index: 0 }]);
});
it("keeps the row with the focus", () => {
  expect(withFocus(5, 7, 2, 10)).toEqual([2, 5, 6, 7]);
  expect(withFocus(5, 7, 6, 10)).toEqual([5, 6, 7]);
  expect(withFocus(5, 7, -1, 10)).toEqual([5, 6, 7]);
  expect(withFocus(5, 7, 12, 10)).toEqual([5, 6, 7]);
});
