// Relay's runtime with a network layer as its documentation shows. What its compiler would make of
// an operation is written by hand: the text, and the fields that the store takes from a response.
import { createClient } from "graphql-ws";
import relay from "relay-runtime";
import WebSocket from "ws";

import { speaks } from "./support.mjs";

const { Environment, Network, Observable, RecordSource, Store } = relay;

speaks("Relay", ({ url, webSocketUrl }, token) => {
  const webSocket = createClient({
    url: webSocketUrl,
    webSocketImpl: WebSocket,
    connectionParams: () => ({ authorization: `Bearer ${token()}` }),
  });
  const fetchFunction = async ({ text }, variables) => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        Accept: "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
        "Content-Type": "application/json",
        ...(token() && { Authorization: `Bearer ${token()}` }),
      },
      body: JSON.stringify({ query: text, variables }),
    });
    return response.json();
  };
  const subscribeFunction = ({ text, name }, variables) =>
    Observable.create((sink) => webSocket.subscribe({ operationName: name, query: text, variables }, sink));
  const environment = new Environment({
    network: Network.create(fetchFunction, subscribeFunction),
    store: new Store(new RecordSource()),
  });
  const network = environment.getNetwork();
  const run = (text, variables) => {
    const [, operationKind, name] = text.match(/^(\w+) (\w+)/);
    const params = { id: null, cacheID: text, name, operationKind, text, metadata: {} };
    return network.execute(params, variables, { force: true });
  };
  return {
    execute: (text, variables) => run(text, variables).toPromise(),
    subscribe(text, variables, listener) {
      const subscription = run(text, variables).subscribe({
        next: listener,
        error: (error) => listener({ errors: [error] }),
      });
      return () => subscription.unsubscribe();
    },
    close: () => webSocket.dispose(),
  };
});
