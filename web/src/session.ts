// Who is signed in. A session that ends keeps the page: a dialog asks for the password.
import { computed, ref } from "vue";
import { api, onExpired, Problem, read, type Schemas } from "./api/client";
import { queries } from "./api/queries";
import { dropDrafts } from "./drafts";

export type User = Schemas["User"];
export type Role = Schemas["Role"];

export const user = ref<User | null>(null);
/** The session has ended while a page was open. */
export const expired = ref(false);

onExpired(() => {
  if (user.value) expired.value = true;
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

export async function signIn(username: string, password: string, totp?: string): Promise<User> {
  const body = { username, password, ...(totp ? { totp } : {}) };
  const next = await read(api.POST("/api/session", { body }));
  const other = user.value !== null && user.value.username !== next.username;
  // What another person read must not be shown to this one.
  if (other) queries.clear();
  user.value = next;
  expired.value = false;
  if (!other) void queries.invalidateQueries();
  return next;
}

export async function signOut(): Promise<void> {
  const name = user.value?.username;
  await read(api.DELETE("/api/session"));
  if (name) dropDrafts(name);
  user.value = null;
  queries.clear();
}
