// The end and the time of use of one seal among several, and codes when nothing is open.
import { afterEach, expect, it } from "vitest";
import {
  button,
  field,
  fill,
  flowView,
  grant,
  json,
  problem,
  said,
  sealUse,
  settle,
  stage,
  strike,
} from "../../../tests/stage";
import CodeDialog from "./CodeDialog.vue";
import FinishDialog from "./FinishDialog.vue";
import WindowDialog from "./WindowDialog.vue";

afterEach(strike);

const two = [
  grant({ left: 3 }),
  grant({ id: "grant-2", seal: "合同专用章", deviceNo: "QYS2", left: 5 }),
  grant({ id: "grant-3", seal: "法人章", deviceNo: "QYS3", left: 0, complete: true }),
];
const sealUses = [sealUse({ grants: two })];
const choices = (label: string) => [...field<HTMLSelectElement>(label).options].map((one) => one.text.trim());

it("one seal is ended: the dialog names it and what becomes void, and only its box is sent", async () => {
  const { writes } = await stage(FinishDialog, { flow: { sealUses }, reply: () => json(flowView()) });
  // A seal whose uses are all made is not to be ended.
  expect(choices("印章")).toEqual(["全部印章", "公章 · QYS1", "合同专用章 · QYS2"]);
  expect(document.body.textContent).toContain("结束“公章、合同专用章”的用印？剩余 8 次将作废。");
  await fill("印章", "QYS2");
  expect(document.body.textContent).toContain("结束“合同专用章”的用印？剩余 5 次将作废。");
  await fill("原因", "合同章不再需要");
  button("结束用印").click();
  await settle();
  expect(writes.map(({ method, path, body }) => ({ method, path, body }))).toEqual([
    {
      method: "POST",
      path: "/api/flows/0190-flow/seal-finish",
      body: { reason: "合同章不再需要", deviceNo: "QYS2" },
    },
  ]);
  expect(document.querySelector("[role=dialog]")).toBeNull();
});

it("all seals are ended without a box in the request", async () => {
  const { writes } = await stage(FinishDialog, { flow: { sealUses }, reply: () => json(flowView()) });
  await fill("原因", "都不需要");
  button("结束用印").click();
  await settle();
  expect(writes.map((sent) => sent.body)).toEqual([{ reason: "都不需要" }]);
});

it("the time of use of one seal is changed, and the vendor's refusal keeps the choice and the times", async () => {
  let answer = problem(502, "vendor_failed", "印控机离线");
  const { writes } = await stage(WindowDialog, { flow: { sealUses }, reply: () => answer });
  expect(choices("印章")).toEqual(["全部印章", "公章 · QYS1", "合同专用章 · QYS2"]);
  await fill("印章", "QYS2");
  await fill("开始", "2026-11-28T09:00");
  await fill("结束", "2026-11-28T18:00");
  button("保存").click();
  await settle();
  expect(said()).toContain("契约锁没有成功：印控机离线");
  expect([field("印章").value, field("结束").value]).toEqual(["QYS2", "2026-11-28T18:00"]);
  answer = json(flowView());
  button("保存").click();
  await settle();
  const body = {
    start: new Date("2026-11-28T09:00").toISOString(),
    end: new Date("2026-11-28T18:00").toISOString(),
    deviceNo: "QYS2",
  };
  expect(writes.map((sent) => sent.body)).toEqual([body, body]);
});

it("a time of use that no seal has says that no seal can be used just now, and keeps the times", async () => {
  await stage(WindowDialog, { reply: () => problem(409, "nothing_open", "The flow has no open seal use.") });
  await fill("结束", "2026-11-28T18:00");
  button("保存").click();
  await settle();
  expect(said()).toContain("现在没有可用的印章");
  expect(field("结束").value).toBe("2026-11-28T18:00");
});

it.each([
  ["no code", () => json([])],
  ["a refusal", () => problem(409, "nothing_open", "The flow has no open seal use.")],
])("codes of seals that are not open: %s says so, and why", async (_, reply) => {
  const ended = [
    sealUse({ status: "finished", grants: [two[0]!] }),
    sealUse({ id: "use-2", status: "applying", grants: [two[1]!] }),
  ];
  await stage(CodeDialog, { flow: { sealUses: ended }, reply });
  const words = document.querySelector("[role=dialog]")?.textContent ?? "";
  expect(words.match(/现在没有可用的印章/g)).toHaveLength(1);
  expect(words).toContain("公章：已结束");
  expect(words).toContain("合同专用章：申请中");
});
