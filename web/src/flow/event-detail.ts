// What an event says beside its act, in the words of the page: labels instead of keys, states instead of their codes.
import type { Schemas } from "@/api/client";

type Event = Pick<Schemas["Event"], "act" | "detail">;

export interface DetailWords {
  /** The label of a field, or its key if the form has it no more. */
  label(key: string): string;
  sealUse: Record<Schemas["SealUseStatus"], string>;
  business: string;
  colon: string;
}

export function eventDetail({ act, detail }: Event, words: DetailWords): string {
  if (!detail) return "";
  switch (act) {
    // The place of the manifest in the store tells a reader nothing.
    case "archived":
    case "recorded":
    case "supplemented":
      return "";
    case "applied":
      return `${words.business} ${detail}`;
    case "use_ended":
      return words.sealUse[detail as Schemas["SealUseStatus"]] ?? detail;
    case "uploaded":
    case "file_removed":
    case "file_restored": {
      const at = detail.indexOf(": ");
      return at < 0 ? detail : `${words.label(detail.slice(0, at))}${words.colon}${detail.slice(at + 2)}`;
    }
    default:
      return detail;
  }
}
