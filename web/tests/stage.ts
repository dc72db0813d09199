// Puts a part of the flow page on a page of its own, over a service whose answers the test gives.
import { VueQueryPlugin } from "@tanstack/vue-query";
import { computed, createApp, defineComponent, h, nextTick, shallowRef, type App, type Component } from "vue";
import { createMemoryHistory, createRouter } from "vue-router";
import { vi, type Mock } from "vitest";
import { keys } from "@/api/keys";
import { queries } from "@/api/queries";
import { openDialog, sendingBack } from "@/flow/dialogs";
import { provideFlow, type Definition, type Flow, type Grant, type Ingest, type SealUse } from "@/flow/flow";
import { user } from "@/session";

export const FLOW = "0190-flow";
const counts = { authorised: 4, counted: 1, received: 1, missing: 0 };

export function grant(facts: Partial<Grant> = {}): Grant {
  const whose = { user: "王五", username: "wang", employeeNo: "E1003" };
  const uses = { ...counts, used: 1, left: 3, complete: false };
  return { id: "grant-1", seal: "公章", deviceNo: "QYS1", ...whose, ...uses, ...facts };
}
export function sealUse(facts: Partial<SealUse> = {}): SealUse {
  const at = { businessId: "3108", serialNo: "YK1", ingestId: null, superseded: false, error: null };
  return { id: "use-1", ...counts, ...at, status: "using", seals: [], grants: [grant()], ...facts };
}
export function flowView(facts: Partial<Flow> = {}): Flow {
  return {
    id: FLOW,
    serialNo: "YK20261127-0007",
    definitionId: "type-1",
    definitionName: "物理用印申请",
    version: 3,
    title: "年度采购框架合同",
    starter: "zhang",
    state: "running",
    phase: "using",
    node: "seal",
    nodeName: "用印",
    createdAt: "2026-11-27T01:12:00Z",
    updatedAt: "2026-11-27T01:20:00Z",
    archivedAt: null,
    waitsFor: [],
    trouble: [],
    counts,
    parked: 0,
    lacks: [],
    form: {} as Flow["form"],
    files: {},
    sealUses: [sealUse()],
    events: [],
    actions: ["approve", "reject", "finish", "code", "upload"],
    evidence: null,
    removed: [],
    editable: [],
    people: { zhang: "张三", wang: "王五" },
    ...facts,
  };
}
export function ingestView(facts: Partial<Ingest> = {}): Ingest {
  return {
    id: "ingest-1",
    flowId: FLOW,
    businessId: "3108",
    trigger: "finish",
    state: "done",
    expected: 0,
    received: 0,
    duplicates: 0,
    failed: 0,
    bytes: 0,
    nextAttemptAt: null,
    error: null,
    photos: [],
    ...facts,
  } as Ingest;
}

export interface Sent {
  method: string;
  path: string;
  key: string | null;
  body: unknown;
}
export interface Stage {
  /** Every request but reads. */
  writes: Sent[];
  /** The paths of all reads. */
  reads: string[];
  refresh: Mock<() => Promise<unknown>>;
  flow(facts: Partial<Flow>): void;
}
export type Reply = (request: Request, sent: Sent) => Response | Promise<Response>;

export const json = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
export const problem = (status: number, code: string, detail = "", rest: object = {}): Response =>
  new Response(JSON.stringify({ status, code, title: "", detail, ...rest }), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
/** An answer that comes when the test lets it come. */
export function later(): { answer: Promise<Response>; give(response: Response): void } {
  let give: (response: Response) => void = () => undefined;
  const answer = new Promise<Response>((resolve) => (give = resolve));
  return { answer, give: (response) => give(response) };
}

let app: App | undefined;

interface Scene {
  props?: Record<string, unknown>;
  flow?: Partial<Flow>;
  definition?: Partial<Definition>;
  ingests?: Ingest[];
  roles?: ("member" | "operator" | "admin")[];
  reply: Reply;
}

/** Shows `part`. A dialog that closes itself leaves the page. */
export async function stage(part: Component, scene: Scene): Promise<Stage> {
  user.value = { username: "wang", displayName: "王五", roles: scene.roles ?? ["operator"] } as typeof user.value;
  const writes: Sent[] = [];
  const reads: string[] = [];
  const Observer = class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
  vi.stubGlobal("ResizeObserver", Observer);
  vi.stubGlobal("IntersectionObserver", Observer);
  vi.stubGlobal("fetch", async (request: Request) => {
    const text = request.method === "GET" ? "" : await request.clone().text();
    const path = new URL(request.url).pathname + new URL(request.url).search;
    const body = text === "" ? null : (JSON.parse(text) as unknown);
    const sent = { method: request.method, path, key: request.headers.get("idempotency-key"), body };
    if (request.method === "GET") reads.push(path);
    else writes.push(sent);
    return scene.reply(request, sent);
  });
  const flow = shallowRef(flowView(scene.flow));
  const refresh = vi.fn<() => Promise<unknown>>(() => Promise.resolve());
  const open = shallowRef(true);
  const root = defineComponent({
    setup() {
      provideFlow({
        flow: computed(() => flow.value),
        definition: computed(() => scene.definition as Definition | undefined),
        ingests: computed(() => scene.ingests ?? []),
        photoDocs: computed(() => []),
        can: (action) => flow.value.actions.includes(action),
        name: (username) => flow.value.people[username] ?? username,
        refresh,
      });
      const dialog = { modelValue: true, "onUpdate:modelValue": (now: boolean) => (open.value = now) };
      return () => (open.value ? h(part, { ...dialog, ...scene.props }) : null);
    },
  });
  const router = createRouter({
    history: createMemoryHistory(),
    routes: ["flows", "flow", "edit", "ingest", "start"].map((name) => ({
      name,
      path: `/${name}/:id?/:ingestId?`,
      component: { render: () => null },
    })),
  });
  queries.setQueryData(keys.flow(FLOW), flow.value);
  app = createApp(root);
  app.use(router).use(VueQueryPlugin, { queryClient: queries });
  app.mount(document.body.appendChild(document.createElement("div")));
  await settle();
  return { writes, reads, refresh, flow: (facts) => (flow.value = flowView({ ...scene.flow, ...facts })) };
}

/** Takes everything away that a test has made. */
export function strike(): void {
  app?.unmount();
  app = undefined;
  queries.clear();
  localStorage.clear();
  sessionStorage.clear();
  document.body.replaceChildren();
  openDialog.value = null;
  sendingBack.value = false;
  user.value = null;
  vi.unstubAllGlobals();
}

/** Lets answers arrive and the page follow them. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) {
    await nextTick();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

export function button(name: string): HTMLButtonElement {
  const all = [...document.querySelectorAll("button")];
  const found = all.find((one) => (one.getAttribute("aria-label") ?? one.textContent ?? "").trim() === name);
  if (!found) throw new Error(`no button “${name}”: ${all.map((one) => one.textContent?.trim()).join(" | ")}`);
  return found;
}
export function field<T extends HTMLElement = HTMLInputElement>(label: string): T {
  const found = [...document.querySelectorAll("label")].find(
    (one) => one.textContent?.replace("*", "").trim() === label,
  );
  const control = document.getElementById(found?.htmlFor ?? "");
  if (!control) throw new Error(`no field “${label}”`);
  return control as T;
}
export async function fill(label: string, value: string): Promise<void> {
  const control = field(label);
  control.value = value;
  control.dispatchEvent(new Event(control.tagName === "SELECT" ? "change" : "input", { bubbles: true }));
  await nextTick();
}
export const said = (): string =>
  [...document.querySelectorAll(".problem > div:not(.row)")].map((one) => one.textContent?.trim()).join(" ");
