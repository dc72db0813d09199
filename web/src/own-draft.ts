// Drafts of the person who is signed in.
import type { Ref } from "vue";
import { useDraft, type Draft } from "./drafts";
import { user } from "./session";

export function useOwnDraft<T>(place: string, value: Ref<T>, isEmpty: (value: T) => boolean): Draft {
  return useDraft(user.value?.username ?? "", place, value, isEmpty);
}

/** A draft of text: blanks alone are nothing. */
export function useTextDraft(place: string, text: Ref<string>): Draft {
  return useOwnDraft(place, text, (now) => now.trim() === "");
}
