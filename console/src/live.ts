// What the server reports by itself, over the WebSocket.
import { useEffect, useRef, useSyncExternalStore } from "react";
import { useSubscription, type AnyVariables, type TypedDocumentNode } from "urql";

import { useSession } from "./session";

interface Options<Data, Variables> {
  query: TypedDocumentNode<Data, Variables & AnyVariables>;
  variables: Variables;
  /** Called with each report. What it holds of users, e-mails and so on is in the cache by then. */
  onReport?(data: Data): void;
  /** Called when the connection comes (back): what happened before was reported to nobody here. */
  onConnected?(): void;
  pause?: boolean;
}

/** Watches while the component is shown; says whether the connection is there. */
export function useLive<Data, Variables extends AnyVariables>({
  query,
  variables,
  onReport,
  onConnected,
  pause,
}: Options<Data, Variables>) {
  const { socket, round } = useSession();
  const isLive = useSyncExternalStore(socket.listen, socket.isConnected);
  const [{ error }, watch] = useSubscription<Data, Data, AnyVariables>({ query, variables, pause } as never, (_before, data) => {
    onReport?.(data);
    return data;
  });

  const wasLive = useRef(isLive);
  useEffect(() => {
    if (isLive && !wasLive.current) onConnected?.();
    wasLive.current = isLive;
  }, [isLive, onConnected]);

  useEffect(() => {
    if (round > 0 && !pause) watch();
  }, [round, pause, watch]);
  return { isLive, error };
}
