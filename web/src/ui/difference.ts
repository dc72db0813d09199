import type { Schemas } from "@/api/client";
import { t } from "@/words";

export interface Said {
  look: "warn" | "ok" | "";
  text: string;
}

/** What is to say about counts. Nothing while use goes on and no photo is missing. */
export function difference(counts: Schemas["Counts"], ended: boolean): Said[] {
  const words = t.value.counts;
  const said: Said[] = [];
  if (counts.missing > 0) said.push({ look: "warn", text: words.owed(counts.missing) });
  else if (ended && counts.received > 0) said.push({ look: "ok", text: words.complete });
  if (counts.counted > counts.authorised) {
    said.push({ look: "warn", text: words.over(counts.counted - counts.authorised) });
  }
  if (counts.received > counts.counted) said.push({ look: "", text: words.fewer(counts.received - counts.counted) });
  if (ended && counts.authorised > counts.counted) {
    said.push({ look: "", text: words.unused(counts.authorised - counts.counted) });
  }
  return said;
}
