/** How the page talks to the server: one endpoint of its own origin, and the session's cookie. */
import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";

const ENDPOINT = "/graphql";
const JSON_TYPES = {
  "content-type": "application/json",
  accept: "application/graphql-response+json, application/json;q=0.9",
};

/** Sends an operation of the page's own. Throws where the answer holds no data. */
export async function ask<Data>(query: string): Promise<Data> {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    credentials: "same-origin",
    headers: JSON_TYPES,
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  if (!data) throw new Error(errors?.[0]?.message ?? `The server answered ${response.status}.`);
  return data;
}

/**
 * Sends what is in the editor: queries and mutations by POST, subscriptions over
 * graphql-transport-ws.
 *
 * @param onSessionChange called after an answer that may mean that somebody else, or nobody, is
 * signed in now.
 */
export function createFetcher(onSessionChange: () => void): Fetcher {
  const send = createGraphiQLFetcher({
    url: ENDPOINT,
    subscriptionUrl: location.origin.replace(/^http/, "ws") + ENDPOINT,
    fetch: (url, init) => fetch(url, { ...init, credentials: "same-origin" }),
    enableIncrementalDelivery: false,
  });
  return async (operation, options) => {
    const answer = await send(operation, options);
    if (CHANGES_SESSION.test(operation.query) || isUnauthenticated(answer)) onSessionChange();
    return answer;
  };
}

/** Mutations after which the header may have to show somebody else, nobody, or another name. */
const CHANGES_SESSION =
  /\b(signIn|signOut|acceptInvitation|resetPassword|revokeSession|updateProfile|updateUser)\b/;

/** The session ended meanwhile: it expired, or was revoked elsewhere. */
function isUnauthenticated(answer: unknown): boolean {
  const { errors } = (answer ?? {}) as { errors?: { extensions?: { code?: string } }[] };
  return errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED") ?? false;
}
