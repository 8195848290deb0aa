// How the pages talk to the server: queries and mutations by fetch, subscriptions over a WebSocket,
// and a cache in which every user, role and e-mail is held once, by its ID.
import { cacheExchange, type Cache, type UpdateResolver } from "@urql/exchange-graphcache";
import { createClient } from "graphql-ws";
import { Client, fetchExchange, mapExchange, subscriptionExchange, type Operation } from "urql";

import { hasCode } from "./errors";
import { page } from "./page";

export interface Connection {
  client: Client;
  socket: Socket;
  /** Asks again for all that is shown. */
  refresh(): void;
}

/** Whether the WebSocket is connected, as `useSyncExternalStore` wants it. */
export interface Socket {
  isConnected(): boolean;
  listen(changed: () => void): () => void;
}

/** What has no ID is a part of what it belongs to. */
const PARTS = [
  "ApplicationPermission",
  "ChangeEffects",
  "EmailChange",
  "EmailQueueViewerCan",
  "EmailStatusCount",
  "EmailTransportState",
  "EmailViewerCan",
  "EventChange",
  "InvitationViewerCan",
  "PermissionExplanation",
  "RoleApplication",
  "RoleViewerCan",
  "Server",
  "UserViewerCan",
];

/** Which lists a mutation may have changed: whoever shows one of them asks again. */
const CHANGES: Record<string, string[]> = {
  inviteUser: ["users", "invitations"],
  inviteUsers: ["users", "invitations"],
  activateUsers: ["users"],
  deactivateUsers: ["users"],
  resendInvitations: ["users", "invitations"],
  revokeInvitations: ["users", "invitations"],
  deleteUser: ["users", "roles"],
  deleteUsers: ["users", "roles"],
  updateUser: ["roles"],
  createRole: ["roles"],
  updateRole: ["roles"],
  deleteRole: ["roles", "users"],
  retryEmails: ["emails", "email"],
  cancelEmails: ["emails", "email"],
  deleteEmails: ["emails", "email"],
  sendTestEmail: ["emails"],
};

/**
 * A connection for one session. Cache and WebSocket belong to whoever is signed in when they begin, so
 * there is a new one whenever somebody else has signed in. `onEnded` is called when the server says that
 * nobody is signed in any more.
 */
export function connect(onEnded: () => void): Connection {
  const url = new URL(`${page.root}graphql`, location.href).href;
  const socket = createClient({
    url: url.replace(/^http/, "ws"),
    // The server restarts now and then. It closes with 4401 when the session has ended, which is final.
    shouldRetry: () => true,
    retryAttempts: Infinity,
    on: { closed: (event) => (event as CloseEvent).code === 4401 && onEnded() },
  });
  const shown = new Map<number, Operation>();
  const client: Client = new Client({
    url,
    preferGetMethod: false,
    // What is known is shown at once, and the server is asked whether it still holds.
    requestPolicy: "cache-and-network",
    exchanges: [
      mapExchange({
        onOperation: (operation) => {
          if (operation.kind === "query") shown.set(operation.key, operation);
          else if (operation.kind === "teardown") shown.delete(operation.key);
        },
      }),
      cacheExchange({
        keys: Object.fromEntries(PARTS.map((type) => [type, () => null])),
        updates: {
          Mutation: {
            ...Object.fromEntries(Object.entries(CHANGES).map(([mutation, lists]) => [mutation, forgets(lists)])),
            revokeSession: (_result, { input }, cache) => cache.invalidate({ __typename: "Session", id: (input as { id: string }).id }),
          },
        },
      }),
      mapExchange({ onError: (error) => hasCode(error, "UNAUTHENTICATED") && onEnded() }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? "" }, sink) }),
        }),
      }),
    ],
  });
  const refresh = () => {
    for (const operation of shown.values()) {
      client.reexecuteOperation(client.createRequestOperation("query", operation, { ...operation.context, requestPolicy: "network-only" }));
    }
  };
  let isConnected = false;
  socket.on("connected", () => (isConnected = true));
  socket.on("closed", () => (isConnected = false));
  const listen = (changed: () => void) => {
    const listeners = [socket.on("connected", changed), socket.on("closed", changed)];
    return () => listeners.forEach((stop) => stop());
  };
  return { client, socket: { isConnected: () => isConnected, listen }, refresh };
}

function forgets(lists: string[]): UpdateResolver {
  return (_result, { input }, cache: Cache) => {
    if ((input as { dryRun?: boolean } | undefined)?.dryRun) return;
    for (const { fieldName, arguments: args } of cache.inspectFields("Query")) {
      if (lists.includes(fieldName)) cache.invalidate("Query", fieldName, args);
    }
  };
}
