import { nextTick, ref } from "vue";
import { createRouter, createWebHistory, type RouteLocationNormalized } from "vue-router";
import { base, isThere } from "./api/client";
import { loadSession, user } from "./session";
import { closeTopmost } from "./ui/layers";

/** True if the browser's back or forward button led to the present page. */
export let returning = false;
let popped = false;
/** The router takes back a step that was refused: that is no step of the person. */
let restoring = false;
// Before the router's own listener, because its guards run before the next listener.
addEventListener("popstate", () => {
  popped = !restoring;
  restoring = false;
});

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
    { path: "/me/tokens", name: "tokens", component: () => import("./me/ProfilePage.vue") },
    ...(import.meta.env.DEV
      ? [{ path: "/dev/kit", name: "kit", component: () => import("./dev/KitPage.vue"), meta: { open: true } }]
      : []),
    { path: "/:rest(.*)*", name: "unknown", component: () => import("./frame/UnknownPage.vue") },
  ],
});

/** True while a page is on its way over a slow line. */
export const pending = ref(false);
const SLOW = 150;
let slow: number | undefined;
function settle(): void {
  clearTimeout(slow);
  pending.value = false;
}

router.beforeEach(async (to) => {
  settle();
  slow = window.setTimeout(() => (pending.value = true), SLOW);
  returning = popped;
  popped = false;
  if (returning && closeTopmost()) {
    restoring = true;
    return false;
  }
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
/**
 * A part of the pages did not come. If the service is there, it has newer pages: then everything is loaded anew, and what
 * was typed is kept as drafts. Without the service the page stays, and says so.
 */
async function loadAnew(at: string): Promise<void> {
  const RELOADED = "yinku.reloaded";
  if (!(await isThere())) return;
  // Pages that fail again and again must not be loaded without end.
  if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < 10_000) return;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.assign(at);
}
router.onError((_, to) => {
  settle();
  void loadAnew(base + to.fullPath);
});
// The dialogs are parts of their own, too.
addEventListener("vite:preloadError", () => void loadAnew(location.href));

router.afterEach((to: RouteLocationNormalized, from: RouteLocationNormalized) => {
  settle();
  const samePage = to.path === from.path;
  void nextTick(() => {
    // A new page starts at its beginning; the browser itself places the first one.
    const main = document.getElementById("main");
    if (!samePage && !first && main) {
      if (!returning) main.scrollTop = 0;
      // A page may begin at its heading, or at the field that was asked for.
      if (!document.activeElement?.matches("h1, input")) main.focus({ preventScroll: true });
    }
    first = false;
  });
});
