import { describe, expect, it } from "vitest";
import { zh } from "@/words/zh";
import { eventDetail, type DetailWords } from "./event-detail";

const labels: Record<string, string> = { stamped: "用印后文件" };
const words: DetailWords = {
  label: (key) => labels[key] ?? key,
  sealUse: zh.states.sealUse,
  business: "业务号",
  colon: "：",
};

describe("what an event says", () => {
  it.each([
    ["uploaded", "stamped: 合同: 定稿.pdf", "用印后文件：合同: 定稿.pdf"],
    ["file_removed", "gone: a.pdf", "gone：a.pdf"],
    ["edited", "用印主题: 甲 → 乙", "用印主题: 甲 → 乙"],
    ["use_ended", "finished", "已结束"],
    ["applied", "3108846201", "业务号 3108846201"],
    ["archived", "manifests/2026/x.json", ""],
    ["approved", "同意: 三次", "同意: 三次"],
    ["commented", null, ""],
  ] as const)("%s %s", (act, detail, said) => expect(eventDetail({ act, detail }, words)).toBe(said));
});
