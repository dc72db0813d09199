import { defineAsyncComponent } from "vue";

/** Few people ever see it, so it is loaded when it is needed. */
export default defineAsyncComponent(() => import("./FirstStep.vue"));
