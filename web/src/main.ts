import { VueQueryPlugin } from "@tanstack/vue-query";
import { createApp } from "vue";
import App from "./app.vue";
import { queries } from "./api/queries";
import { router } from "./router";
import "./settings";
import "./style/tokens.css";
import "./style/app.css";

createApp(App).use(VueQueryPlugin, { queryClient: queries }).use(router).mount("#app");
