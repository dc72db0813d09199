import { ref, watchEffect, type MaybeRefOrGetter, toValue } from "vue";
import type { RouteLocationRaw } from "vue-router";
import { t } from "@/words";

/** The title of the page, for the bar of the phone. */
export const pageTitle = ref("");
/** Where the back button of the phone leads. */
export const pageBack = ref<RouteLocationRaw | null>(null);

export function usePage(title: MaybeRefOrGetter<string>, back: MaybeRefOrGetter<RouteLocationRaw | null> = null): void {
  watchEffect(() => {
    pageTitle.value = toValue(title);
    pageBack.value = toValue(back);
    document.title = `${pageTitle.value} · ${t.value.name}`;
  });
}
