import { describe, expect, it } from "vitest";
import { endsWithoutStamp, owedToVendor, whoAdds, type Definition, type Flow } from "./flow";

const definition = {
  nodes: [
    { key: "one", editable: null },
    { key: "two", editable: ["file"] },
  ],
  integration: { enabled: true, applyNode: "two", fileField: "file", templateField: null },
} as unknown as Definition;

function flowAt(node: string, more: object = {}): Flow {
  const lacks = [
    { key: "file", label: "用印文件" },
    { key: "stamped", label: "用印后文件" },
  ];
  return { state: "running", node, lacks, editable: [], events: [], sealUses: [], ...more } as unknown as Flow;
}

describe("a file without which the application cannot leave", () => {
  it("is named at the node that sends the application", () => {
    expect(owedToVendor(flowAt("two"), definition).map((one) => one.key)).toEqual(["file"]);
    expect(owedToVendor(flowAt("one"), definition)).toEqual([]);
    expect(owedToVendor(flowAt("two", { state: "rejected" }), definition)).toEqual([]);
  });

  it("is added by those whom the service lets add it", () => {
    expect(whoAdds(flowAt("two", { editable: ["file"] }), definition, "file")).toBe("me");
    expect(whoAdds(flowAt("two"), definition, "file")).toBe("turn");
    expect(whoAdds(flowAt("one"), definition, "file")).toBe("starter");
    const approved = [{ act: "submitted" }, { act: "approved" }];
    expect(whoAdds(flowAt("one", { events: approved }), definition, "file")).toBe("back");
    const again = [...approved, { act: "rejected" }, { act: "submitted" }];
    expect(whoAdds(flowAt("one", { events: again }), definition, "file")).toBe("starter");
  });
});

describe("an end without a stamp", () => {
  const used = (more: object) => ({ status: "finished", counted: 0, received: 0, superseded: false, ...more });
  it("has ended seal uses, no stamping and no photo", () => {
    expect(endsWithoutStamp(flowAt("seal", { sealUses: [used({})] }), 0)).toBe(true);
    expect(endsWithoutStamp(flowAt("seal", { sealUses: [used({})] }), 1)).toBe(false);
    expect(endsWithoutStamp(flowAt("seal", { sealUses: [used({ counted: 1 })] }), 0)).toBe(false);
    expect(endsWithoutStamp(flowAt("seal", { sealUses: [used({ status: "using" })] }), 0)).toBe(false);
    expect(endsWithoutStamp(flowAt("seal"), 0)).toBe(false);
  });
});
