/** Who is signed in. The cookie is HttpOnly, so that only the server can tell. */
import { useCallback, useEffect, useRef, useState } from "react";

import { ask } from "./api";

export interface Viewer {
  displayName: string;
  email: string;
}

export type SessionState =
  | { kind: "asking" }
  | { kind: "nobody" }
  | { kind: "somebody"; viewer: Viewer }
  | { kind: "problem"; message: string };

export interface Session {
  state: SessionState;
  refresh: () => void;
  signOut: () => Promise<void>;
}

export function useSession(): Session {
  const [state, setState] = useState<SessionState>({ kind: "asking" });
  const newest = useRef(0);

  const refresh = useCallback(async () => {
    // Of several questions at once, only the one that was asked last knows.
    const mine = ++newest.current;
    const next = await whoIsSignedIn();
    if (mine === newest.current) setState(next);
  }, []);

  const signOut = useCallback(async () => {
    try {
      const { signOut } = await ask<SignOut>("mutation { signOut { userErrors { message } } }");
      const [error] = signOut.userErrors;
      if (error) throw new Error(error.message);
      await refresh();
    } catch (error) {
      setState({ kind: "problem", message: `Signing out failed: ${(error as Error).message}` });
    }
  }, [refresh]);

  // Another window may have signed in or out.
  useEffect(() => {
    refresh();
    window.addEventListener("focus", refresh);
    return () => window.removeEventListener("focus", refresh);
  }, [refresh]);

  return { state, refresh, signOut };
}

interface SignOut {
  signOut: { userErrors: { message: string }[] };
}

async function whoIsSignedIn(): Promise<SessionState> {
  try {
    const { viewer } = await ask<{ viewer: Viewer | null }>("{ viewer { displayName email } }");
    return viewer ? { kind: "somebody", viewer } : { kind: "nobody" };
  } catch {
    return { kind: "problem", message: "The server cannot be reached" };
  }
}
