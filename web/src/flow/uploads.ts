// The uploads of this tab. They go on while the person looks at other pages; one file after the other for a place.
import { reactive, ref } from "vue";
import { Problem } from "@/api/client";
import { upload, type Upload } from "@/api/upload";
import { keys } from "@/api/keys";
import { queries } from "@/api/queries";

export interface Item {
  id: number;
  flowId: string;
  /** The path of the field or grant. */
  path: string;
  file: File;
  state: "waiting" | "sending" | "failed";
  share: number;
  error: Problem | null;
}

let last = 0;
export const uploads = reactive<Item[]>([]);
/** Counts uploads that ended well, per path. */
export const finished = ref<Record<string, number>>({});
const running = new Map<number, Upload>();

export function fieldPath(flowId: string, key: string): string {
  return `/api/flows/${flowId}/fields/${encodeURIComponent(key)}/files`;
}
export function grantPath(grantId: string): string {
  return `/api/grants/${grantId}/photos`;
}

export function addFiles(flowId: string, path: string, files: Iterable<File>): void {
  for (const file of files) {
    uploads.push({ id: ++last, flowId, path, file, state: "waiting", share: 0, error: null });
  }
  next(path);
}

function next(path: string): void {
  if (uploads.some((item) => item.path === path && item.state === "sending")) return;
  const item = uploads.find((one) => one.path === path && one.state === "waiting");
  if (item) void send(item);
}

async function send(item: Item): Promise<void> {
  item.state = "sending";
  item.error = null;
  item.share = 0;
  const sent = upload(item.path, item.file, {}, (share) => (item.share = share));
  running.set(item.id, sent);
  try {
    await sent.done;
    remove(item.id);
    finished.value = { ...finished.value, [item.path]: (finished.value[item.path] ?? 0) + 1 };
  } catch (error) {
    if (error instanceof Problem && error.code === "cancelled") remove(item.id);
    else {
      item.state = "failed";
      item.error = error instanceof Problem ? error : new Problem(0, "network", String(error));
    }
  } finally {
    running.delete(item.id);
    void queries.invalidateQueries({ queryKey: keys.flow(item.flowId) });
    next(item.path);
  }
}

function remove(id: number): void {
  const at = uploads.findIndex((one) => one.id === id);
  if (at >= 0) uploads.splice(at, 1);
}

export function cancel(item: Item): void {
  const sent = running.get(item.id);
  if (sent) sent.cancel();
  else remove(item.id);
}

export function retry(item: Item): void {
  // The second press of a double click: the file is on its way.
  if (item.state !== "failed") return;
  item.state = "waiting";
  next(item.path);
}

// A closed tab would lose files that are still on their way, so the browser asks.
addEventListener("beforeunload", (event) => {
  if (uploads.some((item) => item.state !== "failed")) event.preventDefault();
});
