// What the pages of one flow share: reading it, acting on it, and the names in it.
import { useQueries, useQuery } from "@tanstack/vue-query";
import { useRouter } from "vue-router";
import { computed, inject, provide, type ComputedRef, type InjectionKey, type Ref } from "vue";
import { api, Problem, read, type Schemas } from "@/api/client";
import { every } from "@/api/events";
import { keys } from "@/api/keys";
import { queries } from "@/api/queries";
import { useAct, type Act } from "@/ui/act";
import { sentence } from "@/ui/problems";
import { toast } from "@/ui/toast";

export type Flow = Schemas["FlowView"];
export type Definition = Schemas["DefinitionView"];
export type Field = Schemas["Field"];
export type Doc = Schemas["Document"];
export type SealUse = Schemas["SealUseView"];
export type Grant = Schemas["GrantView"];
export type Ingest = Schemas["IngestView"];
export type Photo = Schemas["PhotoView"];
export type Action = Schemas["Action"];

const MOVING: Flow["phase"][] = ["using", "collecting"];

export function isMoving(flow: Flow | undefined): boolean {
  if (!flow) return false;
  if (flow.state === "running" && MOVING.includes(flow.phase)) return true;
  const sending = Object.values(flow.files)
    .flat()
    .some((doc) => doc.vendorState === "queued" || doc.vendorState === "sending");
  return sending || flow.sealUses.some((used) => used.status === "applying");
}

export function useFlow(id: Ref<string>) {
  const query = useQuery({
    queryKey: computed(() => keys.flow(id.value)),
    queryFn: () => read(api.GET("/api/flows/{id}", { params: { path: { id: id.value } } })),
    refetchInterval: ({ state }) => every(isMoving(state.data) ? "moving" : "list"),
  });
  const definition = useQuery({
    queryKey: computed(() => keys.definition(query.data.value?.definitionId ?? "", query.data.value?.version)),
    queryFn: () => {
      const { definitionId, version } = query.data.value!;
      return read(api.GET("/api/definitions/{id}", { params: { path: { id: definitionId }, query: { version } } }));
    },
    enabled: computed(() => !!query.data.value),
    staleTime: Infinity,
  });
  return { query, flow: query.data, definition: definition.data, definitionQuery: definition };
}

/** The ingests of the seal uses of a flow, with their photos. */
export function useIngests(flow: Ref<Flow | undefined>): ComputedRef<Ingest[]> {
  const ids = computed(() => (flow.value?.sealUses ?? []).flatMap((used) => (used.ingestId ? [used.ingestId] : [])));
  const answers = useQueries({
    queries: computed(() =>
      ids.value.map((id) => ({
        queryKey: keys.ingest(id),
        queryFn: () => read(api.GET("/api/ingests/{id}", { params: { path: { id } } })),
        refetchInterval: () => every(isMoving(flow.value) ? "moving" : "list"),
      })),
    ),
  });
  return computed(() => answers.value.flatMap((answer) => (answer.data ? [answer.data as Ingest] : [])));
}

/** The photos of a flow: those in its fields, and those that only lie in the knowledge base. */
export function usePhotoDocs(flow: Ref<Flow | undefined>, definition: Ref<Definition | undefined>): ComputedRef<Doc[]> {
  const loose = computed(() => !!flow.value && !!definition.value && !definition.value.integration?.downloadField);
  const query = useQuery({
    queryKey: computed(() => keys.documents(flow.value?.id ?? "", flow.value?.counts?.received ?? 0)),
    queryFn: () => documentsOf(flow.value?.id ?? ""),
    enabled: computed(() => loose.value && (flow.value?.sealUses ?? []).some((used) => used.ingestId)),
    placeholderData: (before) => before,
  });
  return computed(() => {
    const inFields = Object.values(flow.value?.files ?? {}).flat();
    return [...inFields, ...(query.data.value ?? [])].filter((doc) => doc.photo !== null);
  });
}

async function documentsOf(flowId: string): Promise<Doc[]> {
  const docs: Doc[] = [];
  for (let after: string | null = ""; after !== null;) {
    const page: Schemas["DocumentPage"] = await read(
      api.GET("/api/documents", { params: { query: { flowId, limit: 200, ...(after ? { after } : {}) } } }),
    );
    docs.push(...page.items);
    after = page.next;
  }
  return docs;
}

export interface FlowPageContext {
  flow: ComputedRef<Flow>;
  definition: ComputedRef<Definition | undefined>;
  ingests: ComputedRef<Ingest[]>;
  photoDocs: ComputedRef<Doc[]>;
  can(action: Action): boolean;
  /** The display name of a username. */
  name(username: string): string;
  refresh(): Promise<unknown>;
}

const CONTEXT: InjectionKey<FlowPageContext> = Symbol("flow");

export function provideFlow(context: FlowPageContext): void {
  provide(CONTEXT, context);
}

/** Provides a flow to a page that shows neither its ingests nor its photos. */
export function provideFlowAlone(
  flow: Ref<Flow | undefined>,
  definition: Ref<Definition | undefined>,
  refresh: () => Promise<unknown>,
): void {
  provideFlow({
    flow: computed(() => flow.value as Flow),
    definition: computed(() => definition.value),
    ingests: computed(() => []),
    photoDocs: computed(() => []),
    can: (action) => flow.value?.actions.includes(action) ?? false,
    name: (username) => flow.value?.people[username] ?? username,
    refresh,
  });
}

export function useFlowPage(): FlowPageContext {
  const context = inject(CONTEXT);
  if (!context) throw new Error("A part of the flow page is used outside of it.");
  return context;
}

/** Takes the flow that an act answered, and marks the lists as outdated. */
export function takeFlow(flow: Flow): void {
  queries.setQueryData(keys.flow(flow.id), flow);
  void queries.invalidateQueries({ queryKey: keys.flows });
}

/**
 * An act on a flow. A refusal reads the flow again, because what may be done has changed. A flow that is gone, or that
 * this person may not see any more, leads back to the list.
 */
export function useFlowAct<A extends unknown[]>(
  id: () => string,
  work: (...args: A) => Promise<Flow | unknown>,
): Act<A> {
  const router = useRouter();
  return useAct(async (...args: A) => {
    try {
      const answer = await work(...args);
      if (isFlow(answer)) takeFlow(answer);
      else await queries.invalidateQueries({ queryKey: keys.flow(id()) });
      void queries.invalidateQueries({ queryKey: keys.flows });
    } catch (error) {
      if (error instanceof Problem && [403, 404, 409, 502].includes(error.status)) {
        await queries.invalidateQueries({ queryKey: keys.flow(id()) });
        if (error.status === 404 && isGone(queries.getQueryState(keys.flow(id()))?.error)) {
          queries.removeQueries({ queryKey: keys.flow(id()) });
          toast(sentence(error));
          void router.push({ name: "flows" });
        }
      }
      throw error;
    }
  });
}

/** True if the service says that there is nothing for this person: what was read before must not stay in view. */
export function isGone(error: unknown): boolean {
  return error instanceof Problem && (error.status === 403 || error.status === 404);
}

function isFlow(answer: unknown): answer is Flow {
  return !!answer && typeof answer === "object" && "sealUses" in answer && "actions" in answer;
}

export function fieldOf(definition: Definition | undefined, key: string | null | undefined): Field | undefined {
  return definition?.fields.find((field) => field.key === key);
}

/** The field of which a key such as `seals.seal` is a column, or the field itself. */
export function tableOf(key: string): string {
  return key.split(".")[0]!;
}

export function liveUses(flow: Flow): SealUse[] {
  return flow.sealUses.filter((used) => !used.superseded);
}

/** Use has ended, and there is no stamping and no photo of any kind. */
export function endsWithoutStamp(flow: Flow, photos: number): boolean {
  const live = liveUses(flow);
  const none = flow.sealUses.every((used) => used.counted === 0 && used.received === 0);
  return live.length > 0 && live.every(hasEnded) && none && photos === 0;
}

/** The files that the application needs and that are not here, at the node that sends it. */
export function owedToVendor(flow: Flow, definition: Definition | undefined): Flow["lacks"] {
  const integration = definition?.integration;
  if (!integration?.enabled || flow.state !== "running" || flow.node !== integration.applyNode) return [];
  return flow.lacks.filter((one) => one.key === integration.templateField || one.key === integration.fileField);
}

/** Who may add such a file now. The service decides; this says whom to ask. */
export function whoAdds(
  flow: Flow,
  definition: Definition | undefined,
  key: string,
): "me" | "turn" | "starter" | "back" {
  if (flow.editable.includes(key)) return "me";
  const node = definition?.nodes.find((one) => one.key === flow.node);
  if (node?.editable?.includes(key)) return "turn";
  const acts = flow.events.map((event) => event.act);
  const round = acts.slice(Math.max(acts.lastIndexOf("submitted"), acts.lastIndexOf("rejected")) + 1);
  const first = definition?.nodes[0]?.key === flow.node && !round.includes("approved");
  return first ? "starter" : "back";
}

export function hasEnded(used: SealUse): boolean {
  return used.status === "complete" || used.status === "finished";
}
