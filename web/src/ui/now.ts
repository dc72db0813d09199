import { onScopeDispose, ref, type Ref } from "vue";

/** The present, renewed every `every` milliseconds while the page is used. */
export function useNow(every = 30_000): Ref<Date> {
  const now = ref(new Date());
  const timer = setInterval(() => (now.value = new Date()), every);
  onScopeDispose(() => clearInterval(timer));
  return now;
}
