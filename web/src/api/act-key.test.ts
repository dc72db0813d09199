import { beforeEach, describe, expect, it } from "vitest";
import { actKey } from "./act-key";

const key = (of: { "Idempotency-Key": string }) => of["Idempotency-Key"];

beforeEach(() => sessionStorage.clear());

describe("the key of an act", () => {
  it("stays the same over a retry, also after a reload of the page", () => {
    const act = actKey("start:1");
    const first = key(act.header({ form: { subject: "合同" } }));
    expect(first).toMatch(/^[!-~]{1,255}$/);
    expect(key(act.header({ form: { subject: "合同" } }))).toBe(first);
    expect(key(actKey("start:1").header({ form: { subject: "合同" } }))).toBe(first);
  });

  it("is new for another body, for another place and after the act is done", () => {
    const act = actKey("start:1");
    const first = key(act.header({ form: { subject: "合同" } }));
    expect(key(act.header({ form: { subject: "另一份" } }))).not.toBe(first);
    expect(key(actKey("start:2").header({ form: { subject: "合同" } }))).not.toBe(first);
    const before = key(act.header({ count: 1 }));
    act.done();
    expect(key(act.header({ count: 1 }))).not.toBe(before);
  });

  it("ends with its dialog where the same body again is another act", () => {
    const dialog = actKey("append:1", false);
    const first = key(dialog.header({ count: 3 }));
    expect(key(dialog.header({ count: 3 }))).toBe(first);
    expect(key(actKey("append:1", false).header({ count: 3 }))).not.toBe(first);
  });
});
