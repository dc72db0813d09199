import { afterEach, expect, it } from "vitest";
import { button, flowView, json, later, problem, said, settle, stage, strike } from "../../tests/stage";
import FieldFiles from "./FieldFiles.vue";
import type { Doc, Field } from "./flow";

afterEach(strike);

const field = { key: "stamped", label: "用印后文件", type: "files" } as Field;
const definition = { integration: { stampedFileField: "stamped" } } as never;
const file = (vendorState: Doc["vendorState"], vendorError: string | null = null) =>
  ({ id: "doc-1", name: "合同-已盖章.pdf", bytes: 17, vendorState, vendorError }) as Doc;
const scene = (doc: Doc) => ({ props: { field }, definition, flow: { files: { stamped: [doc] } } });
const again = () =>
  [...document.querySelectorAll("button")].filter((one) => one.textContent?.trim() === "再次送契约锁");

it.each(["failed", "unknown"] as const)("a stamped file whose sending is %s is sent again, once", async (state) => {
  const line = later();
  const { writes, flow } = await stage(FieldFiles, {
    ...scene(file(state, "文件格式不支持")),
    reply: () => line.answer,
  });
  expect(document.body.textContent).toContain(state === "failed" ? "送契约锁失败" : "结果未知");
  expect(document.body.textContent).toContain("文件格式不支持");
  const pressed = button("再次送契约锁");
  pressed.click();
  pressed.click();
  await settle();
  expect([pressed.textContent?.trim(), pressed.disabled]).toEqual(["正在再次送出…", true]);
  line.give(json(flowView()));
  await settle();
  expect(writes.map(({ method, path }) => [method, path])).toEqual([["POST", "/api/flows/0190-flow/stamped/retry"]]);
  flow({ files: { stamped: [file("queued")] } });
  await settle();
  expect(again()).toEqual([]);
  expect(document.body.textContent).toContain("排队");
});

it.each(["queued", "sending", "sent", null] as const)(
  "a file that is %s at the vendor is not to be sent again",
  async (state) => {
    await stage(FieldFiles, { ...scene(file(state)), reply: () => json(flowView()) });
    expect(again()).toEqual([]);
  },
);

it("a refusal is said, and the file can be sent again", async () => {
  await stage(FieldFiles, { ...scene(file("failed")), reply: () => problem(403, "not_yours") });
  button("再次送契约锁").click();
  await settle();
  expect(said()).toContain("此操作由其他人处理");
  expect(button("再次送契约锁").disabled).toBe(false);
});
