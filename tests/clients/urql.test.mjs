// urql: its fetch exchange, with subscriptions by fetch and by graphql-sse, and persisted queries.
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { createClient } from "graphql-sse";

import { speaks } from "./support.mjs";

function withExchanges({ url }, token, { exchanges, ...options }) {
  const client = new Client({
    url,
    exchanges,
    requestPolicy: "network-only",
    fetchOptions: () => ({ headers: token() ? { authorization: `Bearer ${token()}` } : {} }),
    ...options,
  });
  const answer = ({ data, error }) => ({
    data,
    errors: error && (error.graphQLErrors.length ? error.graphQLErrors : [error]),
  });
  return {
    execute: async (document, variables) =>
      answer(
        await (document.startsWith("mutation")
          ? client.mutation(document, variables)
          : client.query(document, variables)
        ).toPromise(),
      ),
    subscribe(document, variables, listener) {
      const { unsubscribe } = client.subscription(document, variables).subscribe((result) => listener(answer(result)));
      return unsubscribe;
    },
  };
}

speaks("urql", (server, token) =>
  withExchanges(server, token, { exchanges: [fetchExchange], fetchSubscriptions: true }),
);

speaks("urql with graphql-sse", (server, token) => {
  const events = createClient({ url: server.url, headers: () => ({ authorization: `Bearer ${token()}` }) });
  const forwardSubscription = (operation) => ({
    subscribe: (sink) => ({ unsubscribe: events.subscribe({ ...operation, query: operation.query ?? "" }, sink) }),
  });
  const client = withExchanges(server, token, {
    exchanges: [fetchExchange, subscriptionExchange({ forwardSubscription })],
  });
  return { ...client, close: () => events.dispose() };
});

for (const preferGetMethod of [false, "force"]) {
  const persisted = persistedExchange({ preferGetForPersistedQueries: preferGetMethod, enableForMutation: true });
  speaks(
    `urql with persisted queries${preferGetMethod ? " by GET" : ""}`,
    (server, token) => withExchanges(server, token, { exchanges: [persisted, fetchExchange], preferGetMethod }),
    { subscribes: false },
  );
}
