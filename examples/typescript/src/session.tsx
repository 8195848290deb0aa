// Who is signed in is the server's to know: the cookie is `HttpOnly`, and no script can read it. The
// page begins anew, with an empty cache, whenever somebody signs in or out.
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from "react";
import { Provider } from "urql";

import { connect, type Connection } from "./client";

interface Session {
  /** The WebSocket, for those who show whether it is connected. */
  socket: Connection["socket"];
  /** Why the page has begun anew, for whoever signs in next. */
  notice?: string;
  restart(notice?: string): void;
}

const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside of SessionProvider");
  return session;
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const [{ number, notice }, setRound] = useState<{ number: number; notice?: string }>({ number: 0 });
  const restart = useCallback((notice?: string) => setRound(({ number }) => ({ number: number + 1, notice })), []);
  const { client, socket } = useMemo(() => {
    // What an earlier connection still has to say concerns nobody.
    const ended = { number: number + 1, notice: "Your session has ended. Sign in again." };
    return connect(() => setRound((current) => (current.number === number ? ended : current)));
  }, [number]);
  const session = useMemo(() => ({ socket, notice, restart }), [socket, notice, restart]);
  return (
    <SessionContext.Provider value={session}>
      <Provider value={client} key={number}>
        {children}
      </Provider>
    </SessionContext.Provider>
  );
}
