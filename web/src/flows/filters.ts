// The filters of the list are the query string, so a link gives the same view again.
import type { LocationQuery, LocationQueryRaw } from "vue-router";
import type { Schemas } from "@/api/client";

export const TABS = ["todo", "done", "mine", "all"] as const;
export type Tab = (typeof TABS)[number];
export const PHASES = ["approving", "using", "collecting", "ready", "archived"] as const;
export const STATES = ["draft", "rejected", "withdrawn"] as const;
const ENDED = ["archived", ...STATES] as const;
/** What the state filter offers: the phases of a running flow, and the other states. */
export type Stage = (typeof PHASES)[number] | (typeof STATES)[number];

export interface Filters {
  tab: Tab;
  stage: Stage | null;
  type: string | null;
  q: string;
  missing: boolean;
  trouble: boolean;
}

const one = (value: unknown): string => (Array.isArray(value) ? String(value[0] ?? "") : String(value ?? ""));

export function filtersOf(query: LocationQuery): Filters {
  const tab = one(query.tab) as Tab;
  const stage = one(query.phase) as Stage;
  return {
    tab: TABS.includes(tab) ? tab : "todo",
    stage: ([...PHASES, ...STATES] as Stage[]).includes(stage) ? stage : null,
    type: one(query.type) || null,
    q: one(query.q),
    missing: one(query.missing) === "true",
    trouble: one(query.trouble) === "true",
  };
}

export function queryOf(filters: Filters): LocationQueryRaw {
  return {
    ...(filters.tab === "todo" ? {} : { tab: filters.tab }),
    ...(filters.stage ? { phase: filters.stage } : {}),
    ...(filters.type ? { type: filters.type } : {}),
    ...(filters.q ? { q: filters.q } : {}),
    ...(filters.missing ? { missing: "true" } : {}),
    ...(filters.trouble ? { trouble: "true" } : {}),
  };
}

export function isFiltered(filters: Filters): boolean {
  return !!(filters.stage || filters.type || filters.q || filters.missing || filters.trouble);
}

export interface ListParams {
  todo?: boolean;
  done?: boolean;
  mine?: boolean;
  state?: Schemas["FlowState"];
  phase?: Schemas["Phase"];
  definitionId?: string;
  q?: string;
  missing?: boolean;
  trouble?: string;
}

/** True if the stage is a state of its own, and no phase of a running flow. */
function isState(stage: Stage | null): stage is (typeof ENDED)[number] {
  return (ENDED as readonly (Stage | null)[]).includes(stage);
}

/** The parameters of `GET /api/flows`. */
export function paramsOf(filters: Filters): ListParams {
  const { tab, stage, type, q, missing, trouble } = filters;
  const params: ListParams = {};
  if (tab !== "all") params[tab] = true;
  if (isState(stage)) params.state = stage;
  else if (stage) {
    params.phase = stage;
    // A flow that was sent back or withdrawn keeps its phase.
    params.state = "running";
  }
  if (type) params.definitionId = type;
  if (q) params.q = q;
  if (missing) params.missing = true;
  if (trouble) params.trouble = "true";
  return params;
}
