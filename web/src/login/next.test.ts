import { expect, it } from "vitest";
import { ownPath } from "./next";

it.each(["https://evil.example", "//evil.example", "/\\evil.example", "flows", "/login", undefined, ["/flows"]])(
  "%s is no page of ours",
  (next) => expect(ownPath(next)).toBeNull(),
);
it("goes on to a page of ours", () => expect(ownPath("/flows/1?tab=all")).toBe("/flows/1?tab=all"));
