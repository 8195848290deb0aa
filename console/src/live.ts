// Subscriptions: what the server reports by itself, over the WebSocket.
import { useEffect, useEffectEvent, useRef, useState, useSyncExternalStore } from "react";
import { useClient, type AnyVariables, type CombinedError, type TypedDocumentNode } from "urql";

import { useSession } from "./session";

interface Watch<Data, Variables> {
  query: TypedDocumentNode<Data, Variables>;
  variables: Variables;
  /** Called with each report. What it holds of users, e-mails and so on is in the cache by then. */
  onReport?(data: Data): void;
  /** Called when the connection comes (back): what happened before was reported to nobody here. */
  onConnected?(): void;
  /** Whether not to watch, such as for want of a permission. */
  pause?: boolean;
}

/** Watches while the component is shown; says whether the connection is there, and why not. */
export function useLive<Data, Variables extends AnyVariables>(watch: Watch<Data, Variables>): { isLive: boolean; error?: CombinedError } {
  const { query, variables, pause } = watch;
  const client = useClient();
  const { socket, round } = useSession();
  const [error, setError] = useState<CombinedError>();
  const report = useEffectEvent((data: Data) => watch.onReport?.(data));
  const connected = useEffectEvent(() => watch.onConnected?.());

  const key = JSON.stringify(variables);
  useEffect(() => {
    if (pause) return;
    const { unsubscribe } = client.subscription(query, JSON.parse(key) as Variables).subscribe(({ data, error }) => {
      setError(error);
      if (data) report(data);
    });
    return unsubscribe;
  }, [client, query, key, pause, round]);

  const isLive = useSyncExternalStore(socket.listen, socket.isConnected);
  const wasLive = useRef(isLive);
  useEffect(() => {
    if (isLive && !wasLive.current) connected();
    wasLive.current = isLive;
  }, [isLive]);
  return { isLive, error };
}
