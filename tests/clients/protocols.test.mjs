// graphql-request, and the clients of the two protocols for subscriptions by themselves.
import { ClientError, GraphQLClient } from "graphql-request";
import { createClient as createEventClient } from "graphql-sse";
import { createClient as createWebSocketClient } from "graphql-ws";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";

import { SIGN_OUT, send, signIn, speaks, startServer } from "./support.mjs";

function withRequests({ url }, token) {
  const client = new GraphQLClient(url, {
    headers: () => (token() ? { authorization: `Bearer ${token()}` } : {}),
  });
  return {
    async execute(document, variables) {
      try {
        return { data: await client.request(document, variables) };
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        return error.response;
      }
    },
  };
}

speaks("graphql-request", withRequests, { subscribes: false });

/** The clients' own interface, which is the same for both. */
const withSink = (client) => ({
  execute: (query, variables) =>
    new Promise((resolve, reject) => {
      let answer;
      client.subscribe(
        { query, variables },
        { next: (value) => (answer = value), error: reject, complete: () => resolve(answer) },
      );
    }),
  subscribe: (query, variables, listener) =>
    client.subscribe(
      { query, variables },
      { next: listener, error: (error) => listener({ errors: [error] }), complete: () => {} },
    ),
  close: () => client.dispose(),
});

// "Distinct connections mode": queries and mutations are streamed as well.
speaks("graphql-sse", ({ url }, token) =>
  withSink(
    createEventClient({
      url,
      retryAttempts: 0,
      headers: () => (token() ? { authorization: `Bearer ${token()}` } : {}),
    }),
  ),
);

// Mutations go by fetch, as they would beside any other client.
speaks("graphql-ws", ({ url, webSocketUrl }, token) => {
  const client = withSink(
    createWebSocketClient({
      url: webSocketUrl,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      lazyCloseTimeout: 0,
      connectionParams: () => ({ authorization: `Bearer ${token()}` }),
    }),
  );
  return {
    ...client,
    execute: (query, variables) =>
      query.startsWith("mutation") ? send(url, query, variables, { token: token() }) : client.execute(query, variables),
  };
});

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

test("graphql-ws: a mutation is refused with what to do", async () => {
  const token = await signIn(server.url);
  const client = createWebSocketClient({
    url: server.webSocketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  const results = [];
  for await (const result of client.iterate({ query: SIGN_OUT })) results.push(result);
  assert.match(results[0].errors[0].message, /send them by POST/);
  await client.dispose();
});
