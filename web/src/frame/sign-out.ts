import { useRouter } from "vue-router";
import { signOut } from "@/session";
import { useAct, type Act } from "@/ui/act";

/** Ends the session and leads to the login. */
export function useSignOut(): Act<[]> {
  const router = useRouter();
  return useAct(async () => {
    await signOut();
    await router.push({ name: "login" });
  });
}
