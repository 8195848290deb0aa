// How the page talks to the server: queries and mutations by fetch, subscriptions over a WebSocket,
// and a cache in which every user, role and e-mail is held once, by its ID.
import { cacheExchange, type Cache } from "@urql/exchange-graphcache";
import { createClient, type Client as Socket } from "graphql-ws";
import { Client, fetchExchange, mapExchange, subscriptionExchange } from "urql";

import { hasCode } from "./errors";

export interface Connection {
  client: Client;
  socket: Socket;
}

/**
 * A connection for one session. Cache and WebSocket belong to whoever is signed in when they begin, so
 * there is a new one whenever somebody has signed in or out. `onEnded` is called when the server says
 * that nobody is signed in any more.
 */
export function connect(onEnded: () => void): Connection {
  const socket = createClient({
    url: new URL("/graphql", location.href).href.replace(/^http/, "ws"),
    // The server restarts now and then. It closes with 4401 when the session has ended, which is final.
    shouldRetry: () => true,
    retryAttempts: Infinity,
    on: { closed: (event) => (event as CloseEvent).code === 4401 && onEnded() },
  });
  const client = new Client({
    url: "/graphql",
    preferGetMethod: false,
    exchanges: [
      cacheExchange({
        // What has no ID is a part of what it belongs to.
        keys: { EmailViewerCan: () => null, RoleViewerCan: () => null },
        updates: {
          Mutation: {
            inviteUser: (_result, _arguments, cache) => forget(cache, "users"),
          },
          Subscription: {
            // An e-mail that is in the list already has been updated there, by its ID.
            emailChanged: ({ emailChanged }, _arguments, cache) => prepend(cache, "emails", emailChanged as Entity),
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
  return { client, socket };
}

type Entity = { __typename: string; id: string };

/** Takes what a query has found out of the cache: whoever shows it asks again. */
function forget(cache: Cache, field: string) {
  for (const { fieldName, arguments: args } of cache.inspectFields("Query")) {
    if (fieldName === field) cache.invalidate("Query", field, args);
  }
}

/** Puts an entity at the head of what a query has found, unless it is there. */
function prepend(cache: Cache, field: string, entity: Entity) {
  const key = cache.keyOfEntity(entity);
  for (const { fieldName, arguments: args } of cache.inspectFields("Query")) {
    if (fieldName !== field) continue;
    const connection = cache.resolve("Query", field, args) as string | null;
    const nodes = connection && (cache.resolve(connection, "nodes") as string[] | null);
    if (nodes && key && !nodes.includes(key)) cache.link(connection, "nodes", [key, ...nodes]);
  }
}
