// The cache of what was read: shown at once, read again after hints, kept when a read fails.
import { QueryClient } from "@tanstack/vue-query";
import { Problem } from "./client";

/** 503 is tried three times after the wait that the service names. No answer: again and again, with growing pauses. */
function again(failures: number, error: Error): boolean {
  if (!(error instanceof Problem)) return false;
  if (error.code === "network") return failures < 4;
  return error.status === 503 && error.code !== "still_collecting" && failures < 3;
}

function pause(failures: number, error: Error): number {
  const wait = error instanceof Problem ? error.retryAfter : undefined;
  return wait === undefined ? Math.min(1000 * 2 ** failures, 8000) : wait * 1000;
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: again,
      retryDelay: pause,
      networkMode: "always",
      staleTime: 2_000,
      gcTime: 30 * 60_000,
      refetchOnWindowFocus: "always",
      refetchOnReconnect: "always",
    },
    mutations: { retry: false, networkMode: "always" },
  },
});
