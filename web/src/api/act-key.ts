// The `Idempotency-Key` of an act: the service does the act once, however often its answer is lost.

/** A short sum of a text: the same act has the same body. */
function sum(text: string): string {
  let [one, other] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at++) {
    one = Math.imul(one ^ text.charCodeAt(at), 2654435761);
    other = Math.imul(other ^ text.charCodeAt(at), 1597334677);
  }
  return `${(one >>> 0).toString(36)}-${(other >>> 0).toString(36)}`;
}

export interface ActKey {
  /** The header of this try. A retry of the same act has the same key; another body is another act. */
  header(body: unknown): { "Idempotency-Key": string };
  /** The act is done, so the next one has a new key. */
  done(): void;
}

/**
 * Returns the key of an act at `place`. The tab keeps it, so a retry after a reload is the same act. `keeps: false`: the
 * key ends with the page or the dialog, because the same body there is another act.
 */
export function actKey(place: string, keeps = true): ActKey {
  const name = `yinku.act.${place}`;
  let kept: { sum: string; key: string } | null = null;
  const read = (): typeof kept => {
    try {
      return keeps ? (JSON.parse(sessionStorage.getItem(name) ?? "null") as typeof kept) : kept;
    } catch {
      return null;
    }
  };
  return {
    header(body) {
      const now = sum(JSON.stringify(body));
      kept = read();
      if (kept?.sum !== now) {
        kept = { sum: now, key: crypto.randomUUID?.() ?? randomKey() };
        if (keeps) sessionStorage.setItem(name, JSON.stringify(kept));
      }
      return { "Idempotency-Key": kept.key };
    },
    done() {
      kept = null;
      sessionStorage.removeItem(name);
    },
  };
}

/** `crypto.randomUUID` exists only in a secure context. */
function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
