import { describe, expect, it } from "vitest";
import type { Schemas } from "@/api/client";
import { sinceThen, stages, timeline } from "./timeline";

type Event = Schemas["Event"];
let n = 0;
function event(act: Event["act"], actor: string, rest: Partial<Event> = {}): Event {
  n += 1;
  return {
    id: String(n),
    at: "2026-11-27T09:12:00+08:00",
    actor,
    act,
    node: null,
    target: null,
    detail: null,
    ...rest,
  };
}
const nodes = [
  { key: "manager", name: "部门审批", kind: "approval", assignees: ["manager"] },
  { key: "legal", name: "法务审批", kind: "approval", assignees: ["role:member"] },
  { key: "seal", name: "用印", kind: "seal", assignees: ["role:operator"] },
] as Schemas["Node"][];
const flow = (events: Event[], rest: object) => ({
  events,
  starter: "zhang",
  createdAt: "",
  state: "running" as const,
  phase: "approving" as const,
  node: "manager",
  ...rest,
});
const states = (steps: { key: string; state: string }[]) => steps.map((step) => `${step.key}:${step.state}`).join(" ");

describe("the way through the nodes", () => {
  it("has what was done, what is now and what comes", () => {
    const events = [event("submitted", "zhang"), event("approved", "li", { node: "manager" })];
    const steps = timeline(flow(events, { node: "legal" }), nodes);
    expect(states(steps)).toBe("start:done manager:done legal:now seal:next seal:collect:next archive:next");
    expect(steps[1]!.events.map((one) => one.actor)).toEqual(["li"]);
  });
  it("takes back the approvals of the node that a return leads to, and of all after it", () => {
    const events = [
      event("submitted", "zhang"),
      event("approved", "li", { node: "manager" }),
      event("approved", "qian", { node: "legal" }),
      event("rejected", "wang", { node: "seal", target: "legal" }),
    ];
    const steps = timeline(flow(events, { node: "legal" }), nodes);
    expect(steps.map((step) => step.events.length)).toEqual([1, 1, 0, 0, 0, 0]);
  });
  it("shows a flow that was sent back at its start", () => {
    const events = [event("submitted", "zhang"), event("rejected", "li", { node: "manager", target: "start" })];
    const steps = timeline(flow(events, { state: "rejected", node: "start" }), nodes);
    expect(states(steps)).toBe("start:back manager:next legal:next seal:next seal:collect:next archive:next");
  });
  it("waits for the archive after the last node", () => {
    expect(states(timeline(flow([], { node: null, phase: "ready" }), nodes))).toContain(
      "seal:done seal:collect:done archive:now",
    );
  });
  it("collects the photos after the use, and has the end of both at the photos", () => {
    expect(states(timeline(flow([], { node: "seal", phase: "using" }), nodes))).toContain(
      "seal:now seal:collect:next archive:next",
    );
    expect(states(timeline(flow([], { node: "seal", phase: "collecting" }), nodes))).toContain(
      "seal:done seal:collect:now archive:next",
    );
    const events = [event("completed", "yinku", { node: "seal" })];
    const steps = timeline(flow(events, { node: null, phase: "ready" }), nodes);
    expect(steps.map((step) => step.events.length)).toEqual([0, 0, 0, 0, 1, 0]);
  });
});

it("marks the phase of a flow, without seals only what there is", () => {
  expect(
    states(stages({ phase: "collecting", state: "running" }, true).map((one) => ({ key: one.stage, ...one }))),
  ).toBe("approve:done use:done collect:now ready:next archive:next");
  expect(stages({ phase: "archived", state: "archived" }, false).every((one) => one.state === "done")).toBe(true);
  expect(stages({ phase: "approving", state: "withdrawn" }, true)[0]!.state).toBe("next");
});

it("says what others did since the page was read", () => {
  const [first, mine, other] = [event("submitted", "zhang"), event("commented", "li"), event("approved", "qian")];
  expect(sinceThen([first, mine, other], first.id, "li")).toEqual([other]);
  expect(sinceThen([first], first.id, "li")).toEqual([]);
});
