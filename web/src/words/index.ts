// The words of the pages. A message with values is a function, so a missing word or value is a compile error.
import { computed } from "vue";
import { settings } from "@/settings";
import { en } from "./en";
import { problemEn } from "./problem.en";
import { problemZh } from "./problem.zh";
import { zh } from "./zh";

export const t = computed(() => (settings.language === "en" ? en : zh));
export const problemWords = computed(() => (settings.language === "en" ? problemEn : problemZh));
/** Joins names or parts of a list. */
export const joined = (parts: string[]) => parts.join(t.value.common.separator);
