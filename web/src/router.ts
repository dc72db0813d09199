import { nextTick } from "vue";
import { createRouter, createWebHistory, type RouteLocationNormalized } from "vue-router";
import { base } from "./api/client";
import { loadSession, user } from "./session";

/** True if the browser's back or forward button led to the present page. */
export let returning = false;
let popped = false;
// Before the router's own listener, because its guards run before the next listener.
addEventListener("popstate", () => (popped = true));

export const router = createRouter({
  history: createWebHistory(`${base}/`),
  routes: [
    { path: "/", redirect: { name: "flows" } },
    { path: "/login", name: "login", component: () => import("./login/LoginPage.vue"), meta: { open: true } },
    { path: "/flows", name: "flows", component: () => import("./flows/FlowsPage.vue") },
    { path: "/flows/new", name: "start", component: () => import("./flows/StartPage.vue") },
    { path: "/flows/:id", name: "flow", component: () => import("./flow/FlowPage.vue"), props: true },
    { path: "/flows/:id/edit", name: "edit", component: () => import("./flows/EditPage.vue"), props: true },
    {
      path: "/flows/:id/ingest/:ingestId",
      name: "ingest",
      component: () => import("./flow/IngestPage.vue"),
      props: true,
    },
    { path: "/me", name: "me", component: () => import("./me/ProfilePage.vue") },
    ...(import.meta.env.DEV
      ? [{ path: "/dev/kit", name: "kit", component: () => import("./dev/KitPage.vue"), meta: { open: true } }]
      : []),
    { path: "/:rest(.*)*", name: "unknown", component: () => import("./frame/UnknownPage.vue") },
  ],
});

router.beforeEach(async (to) => {
  returning = popped;
  popped = false;
  if (to.meta.open) return true;
  if (user.value) return true;
  try {
    if (await loadSession()) return true;
  } catch {
    // The page then shows its own state for the failed reads.
    return true;
  }
  return { name: "login", query: to.fullPath === "/flows" ? {} : { next: to.fullPath } };
});

let first = true;
router.afterEach((to: RouteLocationNormalized, from: RouteLocationNormalized) => {
  const samePage = to.path === from.path;
  void nextTick(() => {
    // A new page starts at its beginning; the browser itself places the first one.
    const main = document.getElementById("main");
    if (!samePage && !first && main) {
      if (!returning) main.scrollTop = 0;
      main.focus({ preventScroll: true });
    }
    first = false;
  });
});
