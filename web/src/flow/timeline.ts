// The way of a flow through its nodes: what was done, what is now, what comes. Pure.
import type { Schemas } from "@/api/client";

type Flow = Pick<Schemas["FlowView"], "events" | "node" | "state" | "phase" | "starter" | "createdAt">;
type Event = Schemas["Event"];

export interface Step {
  key: string;
  name: string;
  kind: "start" | "approval" | "seal" | "collect" | "archive";
  state: "done" | "now" | "next" | "back";
  /** Who acted at the node in the present round. */
  events: Event[];
}

export const START = "start";

/** The approvals that hold: a return takes back those of the node it leads to and of all after it. */
function held(events: Event[], order: string[]): Map<string, Event[]> {
  const done = new Map<string, Event[]>();
  for (const event of events) {
    if ((event.act === "approved" || event.act === "completed") && event.node) {
      done.set(event.node, [...(done.get(event.node) ?? []), event]);
    }
    if (event.act === "rejected") {
      const from = order.indexOf(event.target ?? START);
      order.slice(Math.max(from, 0)).forEach((key) => done.delete(key));
    }
  }
  return done;
}

export function timeline(flow: Flow, nodes: Schemas["Node"][]): Step[] {
  const done = held(
    flow.events,
    nodes.map((node) => node.key),
  );
  const submitted = flow.events.filter((event) => event.act === "submitted");
  const back = flow.state === "rejected" && (flow.node === START || flow.node === null);
  const steps: Step[] = [
    { key: START, name: "", kind: "start", state: back ? "back" : "done", events: submitted.slice(-1) },
  ];
  const at = nodes.findIndex((node) => node.key === flow.node);
  const past = flow.phase === "ready" || flow.phase === "archived" || (flow.node === null && flow.state === "running");
  nodes.forEach((node, index) => {
    const state = past || (at >= 0 && index < at) ? "done" : index === at && flow.state === "running" ? "now" : "next";
    const events = done.get(node.key) ?? [];
    if (node.kind === "seal") steps.push(...sealSteps(node, state, flow.phase === "collecting", events));
    else steps.push({ key: node.key, name: node.name, kind: node.kind, state, events });
  });
  const archived = flow.events.filter((event) => event.act === "archived");
  const archive = flow.state === "archived" ? "done" : past && flow.state === "running" ? "now" : "next";
  steps.push({ key: "archive", name: "", kind: "archive", state: archive, events: archived.slice(-1) });
  return steps;
}

/** A seal node is the use, and then the photos that come: the node is done when all are here. */
function sealSteps(node: Schemas["Node"], state: Step["state"], collecting: boolean, events: Event[]): Step[] {
  const isCollecting = state === "now" && collecting;
  const use = { key: node.key, name: node.name, kind: "seal" as const };
  const collect = { key: `${node.key}:collect`, name: "", kind: "collect" as const, events };
  return [
    { ...use, state: isCollecting ? "done" : state, events: [] },
    { ...collect, state: state === "now" && !collecting ? "next" : state },
  ];
}

export type Stage = "approve" | "use" | "collect" | "ready" | "archive";

export interface StageMark {
  stage: Stage;
  state: "done" | "now" | "next";
}

const PHASES: Record<Stage, Schemas["Phase"]> = {
  approve: "approving",
  use: "using",
  collect: "collecting",
  ready: "ready",
  archive: "archived",
};

export function stages(flow: Pick<Flow, "phase" | "state">, hasSeals: boolean): StageMark[] {
  const all: Stage[] = hasSeals ? ["approve", "use", "collect", "ready", "archive"] : ["approve", "ready", "archive"];
  const now = all.findIndex((stage) => PHASES[stage] === flow.phase);
  return all.map((stage, index) => {
    if (flow.state === "archived" || index < now) return { stage, state: "done" };
    return { stage, state: index === now && flow.state === "running" ? "now" : "next" };
  });
}

/** What others did since `seen`, to say above a box whose act was refused. */
export function sinceThen(events: Event[], seen: string | undefined, me: string): Event[] {
  const at = seen === undefined ? -1 : events.findIndex((event) => event.id === seen);
  return events.slice(at + 1).filter((event) => event.actor !== me);
}
