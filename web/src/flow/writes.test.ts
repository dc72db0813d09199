// What the page does with the answers to what a person sends: words, nothing typed is lost, nothing is sent twice.
import { afterEach, describe, expect, it } from "vitest";
import StartForm from "@/flows/StartForm.vue";
import {
  button,
  FLOW,
  field,
  fill,
  json,
  later,
  problem,
  said,
  settle,
  stage,
  strike,
  flowView,
} from "../../tests/stage";
import ActBox from "./ActBox.vue";
import AppendDialog from "./dialogs/AppendDialog.vue";
import ArchiveDialog from "./dialogs/ArchiveDialog.vue";
import FinishDialog from "./dialogs/FinishDialog.vue";
import TransferDialog from "./dialogs/TransferDialog.vue";
import WithdrawDialog from "./dialogs/WithdrawDialog.vue";
import FlowHeader from "./FlowHeader.vue";
import NodesCard from "./NodesCard.vue";
import PhotoTile from "./PhotoTile.vue";
import { rowInSight } from "./seal-buttons";
import SealButtons from "./SealButtons.vue";
import StickyBar from "./StickyBar.vue";
import { queries } from "@/api/queries";
import { keys } from "@/api/keys";

afterEach(strike);

const TEXT = "写了很久的意见";
const refusals = [
  [403, "forbidden", "您的角色不能执行此操作"],
  [413, "too_large", "文件太大：4 MB"],
  [500, "internal", "服务出错，原因在服务日志中"],
] as const;

describe.each(refusals)("an answer with %d", (status, code, words) => {
  const reply = () => problem(status, code, "4 MB");

  it("to an approval is said in words, and the comment stays", async () => {
    await stage(ActBox, { reply });
    await fill("意见", TEXT);
    button("同意").click();
    await settle();
    expect(said()).toContain(words);
    expect(field("意见").value).toBe(TEXT);
    expect([button("同意").disabled, button("同意").textContent?.trim()]).toEqual([false, "同意"]);
  });

  it("to a comment is said in words, and the comment stays", async () => {
    await stage(NodesCard, { reply });
    await fill("评论", TEXT);
    button("发送评论").click();
    await settle();
    expect(said()).toContain(words);
    expect(field("评论").value).toBe(TEXT);
  });

  it("to the end of a seal use leaves its dialog open with the reason", async () => {
    await stage(FinishDialog, { reply });
    await fill("原因", TEXT);
    button("结束用印").click();
    await settle();
    expect(said()).toContain(words);
    expect(field("原因").value).toBe(TEXT);
  });

  it("to a start keeps the form", async () => {
    const definition = {
      id: "type-1",
      name: "物理用印申请",
      version: 3,
      nodes: [],
      fields: [{ key: "subject", label: "用印主题", type: "text" as const, required: true }],
    };
    await stage(StartForm, { reply, props: { definition } });
    await fill("用印主题", TEXT);
    button("提交").click();
    await settle();
    expect(said()).toContain(words);
    expect(field("用印主题").value).toBe(TEXT);
    expect(button("提交").disabled).toBe(false);
  });
});

it("a refusal with 403 reads the flow again, because what may be done has changed", async () => {
  await stage(ActBox, { reply: () => problem(403, "not_yours") });
  expect(queries.getQueryState(keys.flow(FLOW))?.isInvalidated).toBe(false);
  button("同意").click();
  await settle();
  expect(queries.getQueryState(keys.flow(FLOW))?.isInvalidated).toBe(true);
});

describe("on a slow line", () => {
  const acts = [
    ["an approval", ActBox, "同意", "正在同意…", async () => undefined],
    ["the end of a seal use", FinishDialog, "结束用印", "正在结束…", () => fill("原因", TEXT)],
    ["an append", AppendDialog, "追加", "正在追加…", async () => undefined],
    ["the archive", ArchiveDialog, "归档", "正在归档…", async () => undefined],
    ["a withdrawal", WithdrawDialog, "撤回", "正在撤回…", async () => undefined],
  ] as const;
  it.each(acts)(
    "%s is sent once, however often it is pressed, and its button says so",
    async (_, part, word, busy, prepare) => {
      const line = later();
      const { writes } = await stage(part, { reply: () => line.answer });
      await prepare();
      const pressed = button(word);
      pressed.click();
      // The second press of a double click comes before the page has changed.
      pressed.click();
      await settle();
      expect([pressed.textContent?.trim(), pressed.disabled]).toEqual([busy, true]);
      pressed.form?.requestSubmit();
      await settle();
      expect(writes).toHaveLength(1);
      line.give(json(flowView()));
      await settle();
      expect(writes).toHaveLength(1);
    },
  );

  it("a comment is sent once, too", async () => {
    const line = later();
    const { writes } = await stage(NodesCard, { reply: () => line.answer });
    await fill("评论", TEXT);
    button("发送评论").click();
    button("发送评论").click();
    await settle();
    expect(button("发送评论").disabled).toBe(true);
    expect(writes).toHaveLength(1);
    line.give(json(flowView()));
    await settle();
    // It was sent, so nothing is left to be sent again.
    expect(field("评论").value).toBe("");
    button("发送评论").click();
    await settle();
    expect(writes).toHaveLength(1);
  });

  it("a hand-over is sent once", async () => {
    const line = later();
    const people = { items: [{ username: "li", displayName: "李四" }], next: null };
    const { writes } = await stage(TransferDialog, {
      reply: (request) => (request.method === "GET" ? json(people) : line.answer),
    });
    const picker = document.querySelector<HTMLInputElement>("[role=combobox]")!;
    picker.click();
    await settle();
    document.querySelector<HTMLElement>("[role=option]")!.click();
    await settle();
    const send = document.querySelector<HTMLButtonElement>(".dialog-f [type=submit]")!;
    send.click();
    send.click();
    await settle();
    expect(writes).toHaveLength(1);
    expect(send.disabled).toBe(true);
  });
});

describe("photos are asked for", () => {
  const flow = { actions: ["collect" as const] };
  it.each([
    ["beside the field", SealButtons],
    ["on a phone", StickyBar],
  ])("%s: once, with a button that says so, and a refusal is said", async (_, part) => {
    const line = later();
    const { writes } = await stage(part, { flow, reply: () => line.answer });
    const pressed = button("下载用印图片");
    pressed.click();
    pressed.click();
    await settle();
    expect([pressed.textContent?.trim(), pressed.disabled]).toEqual(["正在开始收图…", true]);
    expect(writes.map((sent) => sent.path)).toEqual(["/api/flows/0190-flow/collect"]);
    line.give(problem(409, "no_download_field"));
    await settle();
    expect(said()).toContain("此流程类型没有图片字段，请下载到本地");
    expect([pressed.textContent?.trim(), pressed.disabled]).toEqual(["下载用印图片", false]);
  });

  it("from the menu of the head: a refusal stands below the head", async () => {
    rowInSight.value = false;
    await stage(FlowHeader, { flow, reply: () => problem(403, "not_yours") });
    const key = (target: Element, name: string) =>
      target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
    key(button("更多操作"), "Enter");
    await settle();
    key(document.querySelector("[role=menuitem]")!, "Enter");
    await settle();
    expect(said()).toContain("此操作由其他人处理");
    rowInSight.value = true;
  });
});

it("a missing photo that cannot be asked for again says why, at its place", async () => {
  const photo = { id: "p7", state: "failed", kind: "signatory", attempts: 4, error: null, confirmation: "confirmed" };
  const props = { tile: { no: 7, photo }, seal: "公章", ingestId: "ingest-1" };
  const line = later();
  const { writes } = await stage(PhotoTile, { props, reply: () => line.answer });
  const retry = document.querySelector<HTMLButtonElement>(".gap-acts button")!;
  retry.click();
  retry.click();
  await settle();
  expect([retry.textContent?.trim(), retry.disabled]).toEqual(["正在重试…", true]);
  line.give(problem(500, "internal"));
  await settle();
  expect(document.querySelector(".gap-acts [role=alert]")?.textContent).toContain("服务出错，原因在服务日志中");
  expect([writes.length, retry.disabled]).toEqual([1, false]);
});
