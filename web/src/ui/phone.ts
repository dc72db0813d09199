import { ref } from "vue";

const query = matchMedia("(max-width: 720px)");
/** True in the layout for phones. */
export const phone = ref(query.matches);
query.addEventListener("change", () => (phone.value = query.matches));
