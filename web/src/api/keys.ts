// The keys of everything that the pages read. A hint invalidates by these keys.
export const keys = {
  session: ["session"] as const,
  flows: ["flows"] as const,
  list: (filters: object) => ["flows", "list", filters] as const,
  counts: ["flows", "counts"] as const,
  flow: (id: string) => ["flow", id] as const,
  documents: (flowId: string, received: number) => ["flow", flowId, "documents", received] as const,
  detail: (id: string) => ["flow", id, "detail"] as const,
  ingests: (flowId: string) => ["ingest", "of", flowId] as const,
  ingest: (id: string) => ["ingest", id] as const,
  definitions: ["definitions"] as const,
  definition: (id: string, version?: number) => ["definitions", id, version ?? "current"] as const,
  seals: (serviceId: string) => ["seals", serviceId] as const,
  people: (q: string) => ["people", q] as const,
  door: ["callbacks", "door"] as const,
  sessions: ["sessions"] as const,
  tokens: ["tokens"] as const,
};
