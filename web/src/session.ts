// Who is signed in. A session that ends keeps the page: a dialog asks for the password.
import { computed, ref } from "vue";
import { api, base, onExpired, Problem, read, type Schemas } from "./api/client";
import { queries } from "./api/queries";
import { dropDrafts } from "./drafts";

export type User = Schemas["SessionUser"];
export type Role = Schemas["Role"];

export const user = ref<User | null>(null);
/** The session has ended while a page was open. */
export const expired = ref(false);

onExpired(() => {
  if (user.value) expired.value = true;
});

/** A person who must choose a password or set up codes can do nothing else before. */
export const mustFirst = computed(() => {
  const me = user.value;
  return !!me && (me.mustChange || (me.totpRequired && !me.totp));
});

export const isAdmin = computed(() => user.value?.roles.includes("admin") ?? false);
/** Returns true if a flow that waits for `who` waits for this user. */
export function isMe(who: string): boolean {
  const me = user.value;
  return !!me && (who === `user:${me.username}` || me.roles.some((role) => who === `role:${role}`));
}

/** Reads who is signed in. Returns null without a session. */
export async function loadSession(): Promise<User | null> {
  try {
    user.value = await read(api.GET("/api/session"));
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    user.value = null;
  }
  return user.value;
}

/** Tells the other tabs of this browser who is signed in: they have one session with this one. */
const WHO = `yinku.who:${base}`;
function tellTabs(username: string | null): void {
  try {
    if (username === null) localStorage.removeItem(WHO);
    // With the time, because an equal value is no news to the other tabs.
    else localStorage.setItem(WHO, JSON.stringify({ username, at: Date.now() }));
  } catch {
    // Without storage each tab finds out by its next read.
  }
}
addEventListener("storage", ({ key, newValue }) => {
  if (key !== WHO || !user.value) return;
  const who = newValue ? (JSON.parse(newValue) as { username: string }).username : null;
  if (who === user.value.username) {
    // The session that ended here was renewed in another tab.
    if (expired.value) void queries.invalidateQueries();
    expired.value = false;
    return;
  }
  // Another person, or nobody: everything is dropped and loaded anew. What this person typed is kept as drafts.
  location.reload();
});

export async function signIn(username: string, password: string, totp?: string): Promise<User> {
  const body = { username, password, totp: totp ?? null };
  const next = await read(api.POST("/api/session", { body }));
  const other = user.value !== null && user.value.username !== next.username;
  // What another person read must not be shown to this one.
  if (other) queries.clear();
  user.value = next;
  tellTabs(next.username);
  expired.value = false;
  if (!other) void queries.invalidateQueries();
  return next;
}

export async function signOut(): Promise<void> {
  const name = user.value?.username;
  try {
    await read(api.DELETE("/api/session"));
  } catch (error) {
    // A session that has ended already needs no end.
    if (!(error instanceof Problem) || error.status !== 401) throw error;
  }
  if (name) dropDrafts(name);
  tellTabs(null);
  user.value = null;
  queries.clear();
}
