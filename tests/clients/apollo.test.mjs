// Apollo Client: HttpLink alone, and with persisted queries and graphql-ws beside it.
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { BatchHttpLink } from "@apollo/client/link/batch-http";
import { SetContextLink } from "@apollo/client/link/context";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";
import { createHash } from "node:crypto";
import WebSocket from "ws";

import { speaks } from "./support.mjs";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

function bearer(token) {
  return new SetContextLink(({ headers }) => ({
    headers: { ...headers, ...(token() && { authorization: `Bearer ${token()}` }) },
  }));
}

function withLink(link, close) {
  const client = new ApolloClient({
    link,
    cache: new InMemoryCache(),
    defaultOptions: { query: { fetchPolicy: "no-cache" }, mutate: { fetchPolicy: "no-cache" } },
  });
  const answer = ({ data, error }) => ({
    data,
    errors: error && (CombinedGraphQLErrors.is(error) ? error.errors : [error]),
  });
  return {
    async execute(document, variables) {
      const parsed = gql(document);
      const isMutation = parsed.definitions[0].operation === "mutation";
      try {
        return answer(
          isMutation
            ? await client.mutate({ mutation: parsed, variables, errorPolicy: "all" })
            : await client.query({ query: parsed, variables, errorPolicy: "all" }),
        );
      } catch (error) {
        return answer({ error });
      }
    },
    subscribe(document, variables, listener) {
      const subscription = client
        .subscribe({ query: gql(document), variables })
        .subscribe({ next: (result) => listener(answer(result)), error: (error) => listener({ errors: [error] }) });
      return () => subscription.unsubscribe();
    },
    close,
  };
}

function overWebSocket({ webSocketUrl }, token) {
  return createClient({
    url: webSocketUrl,
    webSocketImpl: WebSocket,
    connectionParams: () => ({ authorization: `Bearer ${token()}` }),
  });
}

speaks("Apollo Client with HttpLink and GraphQLWsLink", (server, token) => {
  const webSocket = overWebSocket(server, token);
  const link = ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(webSocket),
    bearer(token).concat(new HttpLink({ uri: server.url })),
  );
  return withLink(link, () => webSocket.dispose());
});

for (const useGETForHashedQueries of [false, true]) {
  speaks(
    `Apollo Client with persisted queries${useGETForHashedQueries ? " by GET" : ""}`,
    ({ url }, token) => {
      const persisted = new PersistedQueryLink({ sha256, useGETForHashedQueries });
      return withLink(ApolloLink.from([persisted, bearer(token), new HttpLink({ uri: url })]));
    },
    { subscribes: false },
  );
}

speaks(
  "Apollo Client with batches",
  ({ url }, token) => withLink(bearer(token).concat(new BatchHttpLink({ uri: url }))),
  { subscribes: false },
);
