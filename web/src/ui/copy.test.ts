import { afterEach, expect, it, vi } from "vitest";
import EvidenceDialog from "@/flow/dialogs/EvidenceDialog.vue";
import { button, json, settle, stage, strike } from "../../tests/stage";
import { copy } from "./copy";
import { toasts } from "./toast";

const write = vi.fn<(text: string) => Promise<void>>();
const bySelection = vi.fn<(command: string) => boolean>();
const selected: string[] = [];
function clipboard(is: { writeText: typeof write } | undefined): void {
  Object.defineProperty(navigator, "clipboard", { configurable: true, value: is });
  document.execCommand = (command) => {
    selected.push((document.activeElement as HTMLTextAreaElement).value);
    return bySelection(command);
  };
}
afterEach(() => {
  strike();
  toasts.splice(0);
  selected.splice(0);
  vi.resetAllMocks();
});
const shown = () => toasts.map((one) => one.text);

it("copies by the clipboard of a secure page", async () => {
  write.mockResolvedValue();
  clipboard({ writeText: write });
  await copy("YK1");
  expect(write).toHaveBeenCalledWith("YK1");
  expect([shown(), selected]).toEqual([["已复制"], []]);
});

it.each([
  ["a page of plain http has none", undefined],
  ["the browser refuses", { writeText: write.mockRejectedValue(new Error("NotAllowedError")) }],
])("copies by selection where %s, and the focus comes back", async (_, has) => {
  write.mockRejectedValue(new Error("NotAllowedError"));
  bySelection.mockReturnValue(true);
  clipboard(has);
  const before = document.body.appendChild(document.createElement("button"));
  before.focus();
  await copy("YK1");
  expect([bySelection.mock.calls, selected, shown()]).toEqual([[["copy"]], ["YK1"], ["已复制"]]);
  expect(document.activeElement).toBe(before);
  expect(document.querySelector("textarea")).toBeNull();
});

it("does not say that it copied what it did not copy: the text stands there to be copied by hand", async () => {
  bySelection.mockReturnValue(false);
  clipboard(undefined);
  await copy("https://yinku/x.zip");
  expect(shown()).toEqual(["无法复制，请手动选择：https://yinku/x.zip"]);
});

it("the link of an evidence package is copied whole, with what is chosen", async () => {
  write.mockResolvedValue();
  clipboard({ writeText: write });
  const about = {
    n: 1,
    archived: true,
    state: "ready",
    entries: 9,
    bytes: 466,
    parts: [],
    missing: 0,
    withheld: 0,
    s: null,
  };
  await stage(EvidenceDialog, { roles: ["admin"], reply: () => json(about) });
  button("复制链接").click();
  await settle();
  document.querySelector<HTMLInputElement>("[type=checkbox]")!.click();
  await settle();
  button("复制链接").click();
  await settle();
  const link = `${location.origin}/api/flows/0190-flow/evidence.zip`;
  expect(write.mock.calls).toEqual([[link], [`${link}?faces=true`]]);
  expect(document.body.textContent).toContain("下载工具");
});
