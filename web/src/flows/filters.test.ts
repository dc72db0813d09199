import { describe, expect, it } from "vitest";
import { filtersOf, isFiltered, paramsOf, queryOf, type Filters } from "./filters";

describe("filters of the list", () => {
  it("are the query string, both ways", () => {
    const query = { tab: "all", phase: "collecting", type: "0190", q: "合同", missing: "true" };
    expect(queryOf(filtersOf(query))).toEqual(query);
    expect(queryOf(filtersOf({}))).toEqual({});
  });
  it("ignore values that do not exist", () => {
    expect(filtersOf({ tab: "nothing", phase: ["boiling"] })).toMatchObject({ tab: "todo", stage: null });
  });
  it("ask for a phase only of running flows, and for other states by the state", () => {
    const filters: Filters = { tab: "all", stage: "approving", type: null, q: "", missing: false, trouble: false };
    expect(paramsOf(filters)).toEqual({ phase: "approving", state: "running" });
    expect(paramsOf({ ...filters, stage: "rejected" })).toEqual({ state: "rejected" });
    expect(paramsOf({ ...filters, tab: "todo", stage: null })).toEqual({ todo: true });
    expect([isFiltered(filters), isFiltered({ ...filters, stage: null })]).toEqual([true, false]);
  });
});
