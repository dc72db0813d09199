import { expect, it } from "vitest";
import { Problem, problemOf } from "@/api/client";
import { byField, sentence } from "./problems";

const answer = (status: number, headers: Record<string, string> = {}) => ({
  status,
  url: "http://localhost/api/flows",
  headers: new Headers(headers),
});

it("says a sentence for a code, and the service's own words for an unknown one", () => {
  const known = problemOf(answer(409), { status: 409, code: "moved_on", title: "", detail: "moved" });
  expect(sentence(known)).toBe("流程已离开该节点，已为您刷新，请再看一遍");
  expect(sentence(new Problem(409, "brand_new", "The moon is full."))).toBe("The moon is full.");
});
it("takes the wait from the header and the errors by field", () => {
  const busy = problemOf(answer(503, { "retry-after": "7" }), { status: 503, code: "busy", title: "", detail: "" });
  expect([busy.retryAfter, sentence(busy)]).toEqual([7, "服务繁忙，7 秒后再试"]);
  const errors = [{ field: "form.seals[1].count", message: "must be 1 or more" }];
  const wrong = problemOf(answer(422), { status: 422, code: "invalid", title: "", detail: "", errors });
  expect(byField(wrong)).toEqual({ "form.seals.1.count": "must be 1 or more" });
});
it("takes the page of a proxy for what it is", () => {
  expect(problemOf(answer(502), "<html>Bad Gateway</html>").code).toBe("unreadable");
});
