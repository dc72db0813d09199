// One stream of hints per browser, not per tab: HTTP/1.1 gives six connections to a browser in all. The tab with the
// lock listens and passes hints on. Without locks (plain http) the visible tab listens alone.
import { computed, ref } from "vue";
import { base, reachable } from "./client";
import { keys } from "./keys";
import { queries } from "./queries";

export interface Hint {
  kind: "flow" | "ingest" | "document" | "folder";
  id: string;
  flowId: string;
  state: string;
  received: number;
  expected: number;
}

type Message = { type: "hint"; hint: Hint } | { type: "state"; up: boolean } | { type: "ask" };

/** True while hints arrive. */
export const streaming = ref(false);
/** How the page gets its data: by hints, by reading again, or not at all. */
export const freshness = computed<"live" | "polling" | "broken">(() => {
  if (!reachable.value) return "broken";
  return streaming.value ? "live" : "polling";
});
/** When data came last. */
export const lastAnswer = ref(new Date());

const KINDS = ["flow", "ingest", "document", "folder"] as const;
const QUIET = 500;
const waiting = new Map<string, readonly unknown[]>();
const listeners = new Set<(hint: Hint) => void>();
let timer: number | undefined;

export function onHint(listener: (hint: Hint) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Marks a key as outdated. Each key is read at most once in half a second. */
export function outdated(key: readonly unknown[]): void {
  waiting.set(JSON.stringify(key), key);
  timer ??= window.setTimeout(() => {
    timer = undefined;
    const due = [...waiting.values()];
    waiting.clear();
    for (const queryKey of due) void queries.invalidateQueries({ queryKey });
  }, QUIET);
}

function receive(hint: Hint): void {
  if (hint.flowId) outdated(keys.flow(hint.flowId));
  if (hint.kind === "ingest") {
    outdated(keys.ingest(hint.id));
    if (hint.flowId) outdated(keys.ingests(hint.flowId));
  }
  outdated(keys.flows);
  listeners.forEach((listener) => listener(hint));
}

let channel: BroadcastChannel | undefined;
let source: EventSource | undefined;
let retry: number | undefined;
let pause = 1000;

function say(message: Message): void {
  channel?.postMessage(message);
}

function connect(): void {
  clearTimeout(retry);
  source?.close();
  const stream = new EventSource(`${base}/api/events`);
  source = stream;
  stream.addEventListener("open", () => {
    pause = 1000;
    setStreaming(true);
    say({ type: "state", up: true });
  });
  stream.addEventListener("error", () => {
    setStreaming(false);
    say({ type: "state", up: false });
    stream.close();
    retry = window.setTimeout(connect, pause);
    pause = Math.min(pause * 2, 15_000);
  });
  for (const kind of KINDS) {
    stream.addEventListener(kind, (event) => {
      const hint = { ...(JSON.parse((event as MessageEvent<string>).data) as Omit<Hint, "kind">), kind };
      receive(hint);
      say({ type: "hint", hint });
    });
  }
}

/**
 * What happened without the stream is unknown, so everything on the page is read again when it comes. When it goes, too:
 * if the service is gone the page must say so now, and from here on it reads again more often.
 */
function setStreaming(up: boolean): void {
  if (streaming.value === up) return;
  streaming.value = up;
  void queries.invalidateQueries();
}

function disconnect(): void {
  clearTimeout(retry);
  source?.close();
  source = undefined;
  streaming.value = false;
}

let stop: (() => void) | undefined;

/** Listens until `stopEvents`. */
export function startEvents(): void {
  if (stop) return;
  const end = new AbortController();
  const { signal } = end;
  if ("locks" in navigator && "BroadcastChannel" in window) shareStream(signal);
  else ownStream(signal);
  addEventListener("online", () => source && connect(), { signal });
  stop = () => {
    end.abort();
    disconnect();
    channel?.close();
    channel = undefined;
  };
}

export function stopEvents(): void {
  stop?.();
  stop = undefined;
}

function shareStream(signal: AbortSignal): void {
  channel = new BroadcastChannel("yinku-events");
  channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
    if (data.type === "hint") receive(data.hint);
    else if (data.type === "ask") {
      if (source) say({ type: "state", up: streaming.value });
    } else if (!source) {
      setStreaming(data.up);
    }
  });
  say({ type: "ask" });
  navigator.locks
    .request("yinku-events", { signal }, async () => {
      connect();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    })
    .catch(() => undefined);
}

function ownStream(signal: AbortSignal): void {
  const follow = () => (document.visibilityState === "visible" ? connect() : disconnect());
  document.addEventListener("visibilitychange", follow, { signal });
  follow();
}

queries.getQueryCache().subscribe((event) => {
  if (event.type === "updated" && event.action.type === "success") lastAnswer.value = new Date();
});

/** How often something is read again without a hint. Hints of another process may never come. */
export function every(kind: "moving" | "list" | "still"): number | false {
  if (kind === "still") return false;
  if (kind === "list") return 30_000;
  return streaming.value ? 15_000 : 3_000;
}
