import { describe, expect, it } from "vitest";
import type { Schemas } from "@/api/client";
import { Problem } from "@/api/client";
import { isGone } from "./flow";
import { companyOf, personOf } from "./naming";

const seal = (picked: string, name: string | null, company: string | null, deviceNo: string | null) => ({
  picked,
  name,
  company,
  deviceNo,
});
const used = (...seals: Schemas["PickedSeal"][]) => ({ seals });

describe("the person of a grant", () => {
  it("is the user, with the number that tells two of one name apart", () =>
    expect(personOf({ user: "王五", username: "wang2" }, { wang2: "王五 · A0012" })).toBe("王五 · A0012"));
  it("is the one whom the vendor names if it is no user, or one whom the flow does not name", () => {
    expect(personOf({ user: "赵六", username: null }, { wang: "王五" })).toBe("赵六");
    expect(personOf({ user: "赵六", username: "zhao" }, { wang: "王五" })).toBe("赵六");
    expect(personOf({ user: null, username: null }, {})).toBeNull();
  });
});

describe("the company of a seal", () => {
  it("is found by the box", () => {
    const two = used(seal("Q1", "公章", "上海印库", "Q1"), seal("Q2", "公章", "北京印库", "Q2"));
    expect(companyOf(two, { seal: "公章", deviceNo: "Q2" })).toBe("北京印库");
  });
  it("is found by the name, if the name is one", () => {
    expect(companyOf(used(seal("公章", "公章", "上海印库", null)), { seal: "公章", deviceNo: "Q1" })).toBe("上海印库");
    const two = used(seal("Q1", "公章", "上海印库", null), seal("Q2", "公章", "北京印库", null));
    expect(companyOf(two, { seal: "公章", deviceNo: null })).toBeNull();
  });
  it("is unknown before the vendor's list was read", () =>
    expect(companyOf(used(seal("公章", null, null, null)), { seal: "公章", deviceNo: "Q1" })).toBeNull());
});

it("a flow is gone if it may not be seen, not if the service fails", () => {
  const problem = (status: number) => new Problem(status, "not_found", "");
  expect([404, 403, 500, 503].map((status) => isGone(problem(status)))).toEqual([true, true, false, false]);
  expect(isGone(null)).toBe(false);
});
