import { describe, expect, it } from "vitest";
import { count, many } from "./count";
import { size } from "./size";
import { duration, full, relative, short } from "./time";

const now = new Date(2026, 10, 27, 9, 52, 18);

describe("times in the reader's zone", () => {
  it.each([
    [new Date(2026, 10, 27, 9, 41), "09:41"],
    [new Date(2026, 10, 26, 18, 20), "昨天 18:20"],
    [new Date(2026, 10, 25, 17, 48), "11-25 17:48"],
    [new Date(2025, 10, 25, 17, 48), "2025-11-25 17:48"],
    [new Date(2026, 10, 28, 0, 5), "11-28 00:05"],
  ])("%s is %s", (at, said) => expect(short(at, now, "zh")).toBe(said));

  it("counts minutes under one hour", () => {
    expect(relative(new Date(2026, 10, 27, 9, 51), now, "zh")).toBe("1 分钟前");
    expect(relative(new Date(2026, 10, 27, 9, 52), now, "en")).toBe("just now");
    expect(relative(new Date(2026, 10, 27, 8, 52), now, "zh")).toBe("08:52");
    // A clock that is ahead of ours gives no negative minutes.
    expect(relative(new Date(2026, 10, 27, 9, 53), now, "zh")).toBe("09:53");
  });

  it("has the offset in full", () => expect(full(now)).toMatch(/^2026-11-27 09:52:18 [+-]\d\d:\d\d$/));
  it.each([
    [12, "12 秒"],
    [200, "3 分 20 秒"],
    [180, "3 分"],
    [3660, "1 小时 1 分"],
    [0, "0 秒"],
  ])("%d s is %s", (seconds, said) => expect(duration(seconds, "zh")).toBe(said));
});

describe("numbers", () => {
  it.each([
    [812, "812 B"],
    [2_130_000, "2.13 MB"],
    [28_400_000, "28.4 MB"],
    [8_900_000_000, "8.9 GB"],
    [999_600, "1 MB"],
  ])("%d is %s", (bytes, said) => expect(size(bytes)).toBe(said));
  it("groups thousands and knows one from many", () => {
    expect(count(4211)).toBe("4,211");
    expect([many(1, "photo"), many(2, "photo"), many(0, "try", "tries")]).toEqual(["1 photo", "2 photos", "0 tries"]);
  });
});
