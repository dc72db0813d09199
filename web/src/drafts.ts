// What a person types is kept in the browser, under the person and the place, until it is sent or thrown away.
import { onScopeDispose, ref, watch, type Ref } from "vue";

const PREFIX = "yinku.draft:";

interface Kept<T> {
  at: string;
  value: T;
}

function key(username: string, place: string): string {
  return `${PREFIX}${username}:${place}`;
}

export function keptDraft<T>(username: string, place: string): Kept<T> | null {
  try {
    return JSON.parse(localStorage.getItem(key(username, place)) ?? "null") as Kept<T> | null;
  } catch {
    return null;
  }
}

function keep<T>(username: string, place: string, value: T): string | null {
  const at = new Date().toISOString();
  try {
    localStorage.setItem(key(username, place), JSON.stringify({ at, value } satisfies Kept<T>));
    return at;
  } catch {
    return null;
  }
}

export function dropDraft(username: string, place: string): void {
  localStorage.removeItem(key(username, place));
}

/** Removes all drafts of a person, at sign-out. */
export function dropDrafts(username: string): void {
  const own = Object.keys(localStorage).filter((name) => name.startsWith(`${PREFIX}${username}:`));
  own.forEach((name) => localStorage.removeItem(name));
}

export interface Draft {
  /** When the restored draft was kept; null if nothing was restored. */
  restored: Ref<string | null>;
  /** When the draft was kept last. */
  savedAt: Ref<string | null>;
  /** Removes the draft: it was sent. */
  clear(): void;
  /** Throws the restored draft away. Returns what takes that back. */
  discard(): () => void;
}

const PAUSE = 1000;

/** Keeps `value` under `place` one second after the last change, and restores it at once. */
export function useDraft<T>(username: string, place: string, value: Ref<T>, isEmpty: (value: T) => boolean): Draft {
  const initial = JSON.stringify(value.value);
  const found = keptDraft<T>(username, place);
  const restored = ref<string | null>(null);
  const savedAt = ref<string | null>(found?.at ?? null);
  if (found) {
    value.value = found.value;
    restored.value = found.at;
  }
  let timer: number | undefined;
  function save(): void {
    clearTimeout(timer);
    timer = undefined;
    if (isEmpty(value.value) || JSON.stringify(value.value) === initial) {
      dropDraft(username, place);
      savedAt.value = null;
    } else savedAt.value = keep(username, place, value.value);
  }
  const stop = watch(
    value,
    () => {
      clearTimeout(timer);
      timer = window.setTimeout(save, PAUSE);
    },
    { deep: true },
  );
  // A tab that is closed within the second keeps its last keys, too.
  const leave = () => timer !== undefined && save();
  addEventListener("pagehide", leave);
  onScopeDispose(() => {
    leave();
    stop();
    removeEventListener("pagehide", leave);
  });
  return {
    restored,
    savedAt,
    clear() {
      clearTimeout(timer);
      timer = undefined;
      dropDraft(username, place);
      restored.value = savedAt.value = null;
      value.value = JSON.parse(initial) as T;
    },
    discard() {
      const thrown = JSON.stringify(value.value);
      this.clear();
      return () => (value.value = JSON.parse(thrown) as T);
    },
  };
}
