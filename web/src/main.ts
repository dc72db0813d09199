import { VueQueryPlugin } from "@tanstack/vue-query";
import { createApp } from "vue";
import App from "./app.vue";
import { queries } from "./api/queries";
import { router } from "./router";
import "./settings";
import { growTextFields } from "./ui/grow";
import "./style/tokens.css";
import "./style/app.css";

growTextFields();
createApp(App).use(VueQueryPlugin, { queryClient: queries }).use(router).mount("#app");
