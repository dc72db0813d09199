import { ref } from "vue";

const query = matchMedia("(max-width: 720px)");
/** True in the layout for phones. */
export const phone = ref(query.matches);
/** True where the navigation shows only its icons. */
const narrow = matchMedia("(max-width: 1099px)");
export const slim = ref(narrow.matches);
narrow.addEventListener("change", () => (slim.value = narrow.matches));
query.addEventListener("change", () => (phone.value = query.matches));
