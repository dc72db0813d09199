import { expect, it } from "vitest";
import { difference } from "./difference";

const said = (authorised: number, counted: number, received: number, missing: number, ended: boolean) =>
  difference({ authorised, counted, received, missing }, ended).map((one) => one.text);

it("says what is missing, and nothing while use goes on", () => {
  expect(said(15, 15, 13, 2, true)).toEqual(["还差 2 张"]);
  expect(said(15, 10, 10, 0, false)).toEqual([]);
  expect(said(15, 15, 15, 0, true)).toEqual(["已收齐"]);
});
it("states a difference without an accusation", () => {
  expect(said(5, 5, 6, 0, true)).toEqual(["已收齐", "计数比图片少 1"]);
  expect(said(2, 5, 5, 0, false)).toEqual(["超出授权 3 次"]);
  expect(said(10, 6, 6, 0, true)).toEqual(["已收齐", "剩余 4 次未用"]);
});
