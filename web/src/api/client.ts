// The only place that talks to the service. Every failure becomes a Problem.
import createClient, { type FetchResponse } from "openapi-fetch";
import type { MediaType } from "openapi-typescript-helpers";
import { ref } from "vue";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Code = Schemas["Code"];
/** `network`: no answer came. `unreadable`: the answer is not of the service, such as a proxy's page. */
export type ProblemCode = Code | "network" | "offline" | "unreadable";

export const base = new URL(document.baseURI).pathname.replace(/\/$/, "");

/** The address of a download or a picture. */
export function address(path: string): string {
  return base + path;
}

export class Problem extends Error {
  readonly at = new Date();
  constructor(
    readonly status: number,
    readonly code: ProblemCode | (string & {}),
    readonly detail: string,
    readonly url = "",
    readonly errors: Schemas["FieldError"][] = [],
    readonly missing: Schemas["PhotoShortfall"][] = [],
    /** Seconds until the request may be sent again. */
    readonly retryAfter?: number,
  ) {
    super(`${code}: ${detail}`);
  }
}

/** False after a request got no answer, until one gets an answer. */
export const reachable = ref(true);
const expired = new Set<() => void>();
/** Calls `listener` when a request shows that the session has ended. */
export function onExpired(listener: () => void): void {
  expired.add(listener);
}

/** An answer came: the service is there, and it says whether the session has ended. */
export function answered(status: number, url: string): void {
  reachable.value = true;
  if (status === 401 && !url.endsWith("/api/session")) expired.forEach((listener) => listener());
}

let lastInput = Date.now();
if (typeof window !== "undefined") {
  for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"]) {
    addEventListener(kind, () => (lastInput = Date.now()), { passive: true, capture: true });
  }
}
/** Reads without a person at the page must not keep its session alive. */
const AWAY = 60_000;

export async function ask(input: Request | string, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const url = new URL(request.url).pathname;
  const write = !["GET", "HEAD"].includes(request.method);
  if (write && !navigator.onLine) throw new Problem(0, "offline", "The browser is offline.", url);
  if (!write && Date.now() - lastInput > AWAY) request.headers.set("x-yinku-poll", "1");
  let response: Response;
  try {
    response = await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    reachable.value = false;
    throw new Problem(0, "network", String(error), url);
  }
  answered(response.status, url);
  return response;
}

/** Asks whether the service is there. */
export async function isThere(): Promise<boolean> {
  const answer = await ask(`${base}/healthz`, { cache: "no-store" }).catch(() => null);
  return answer?.ok ?? false;
}

export const api = createClient<paths>({ baseUrl: base, fetch: ask });

/** Makes the Problem of an answer that is no success. */
export function problemOf(response: { status: number; url: string; headers: Headers }, body: unknown): Problem {
  const url = response.url ? new URL(response.url).pathname : "";
  const wait = Number(response.headers.get("retry-after") ?? NaN);
  const retryAfter = Number.isFinite(wait) ? wait : undefined;
  if (body && typeof body === "object" && "code" in body) {
    const problem = body as Schemas["Problem"];
    const { status, code, detail, errors, missing } = problem;
    return new Problem(status, code, detail, url, errors ?? [], missing ?? [], retryAfter);
  }
  const text = typeof body === "string" ? body.slice(0, 400) : "";
  return new Problem(response.status, "unreadable", text || `HTTP ${response.status}`, url, [], [], retryAfter);
}

/** Returns the body of a success, or throws the Problem. */
export async function read<T extends Record<string | number, unknown>, O, M extends MediaType>(
  answer: Promise<FetchResponse<T, O, M>>,
): Promise<NonNullable<FetchResponse<T, O, M>["data"]>> {
  const { data, error, response } = await answer;
  if (!response.ok) throw problemOf(response, error);
  return data as NonNullable<FetchResponse<T, O, M>["data"]>;
}
