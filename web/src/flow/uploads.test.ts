import { afterEach, expect, it, vi } from "vitest";
import { json, settle, stage, strike } from "../../tests/stage";
import { addFiles, fieldPath, uploads } from "./uploads";
import UploadList from "./UploadList.vue";

/** An upload whose answer the test gives. */
class Line extends EventTarget {
  static sent: Line[] = [];
  upload = new EventTarget();
  status = 0;
  responseText = "";
  open(): void {}
  send(): void {
    Line.sent.push(this);
  }
  abort(): void {
    this.dispatchEvent(new Event("abort"));
  }
  getResponseHeader(): null {
    return null;
  }
  answer(status: number, code: string, detail: string): void {
    this.status = status;
    this.responseText = JSON.stringify({ status, code, title: "", detail });
    this.dispatchEvent(new Event("load"));
  }
}
afterEach(() => {
  uploads.splice(0);
  Line.sent = [];
  strike();
});

it.each([
  [403, "not_editable", "此字段现在不能由您上传"],
  [413, "too_large", "文件太大：at most 2 GB"],
  [500, "internal", "服务出错，原因在服务日志中"],
])(
  "a file that is refused with %d stays with the reason, and is sent again by one press",
  async (status, code, words) => {
    const path = fieldPath("0190-flow", "stamped");
    await stage(UploadList, { props: { path }, reply: () => json({}) });
    vi.stubGlobal("XMLHttpRequest", Line);
    addFiles("0190-flow", path, [new File(["%PDF"], "合同.pdf"), new File(["%PDF"], "附件.pdf")]);
    await settle();
    expect(Line.sent, "one after the other").toHaveLength(1);
    Line.sent[0]!.answer(status, code, "at most 2 GB");
    await settle();
    const rows = () => [...document.querySelectorAll("li")];
    expect(rows()[0]?.textContent).toContain("合同.pdf");
    expect(rows()[0]?.querySelector("[role=alert]")?.textContent).toContain(words);
    // The next file does not wait for the one that failed.
    expect(Line.sent).toHaveLength(2);
    Line.sent[1]!.answer(200, "", "");
    await settle();
    expect(rows()).toHaveLength(1);
    const again = [...rows()[0]!.querySelectorAll("button")].find((one) => one.textContent?.trim() === "重新上传")!;
    again.click();
    again.click();
    await settle();
    expect(Line.sent).toHaveLength(3);
    Line.sent[2]!.answer(200, "", "");
    await settle();
    expect(rows()).toEqual([]);
  },
);
