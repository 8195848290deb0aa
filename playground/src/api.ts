/** How the page talks to the server: one endpoint of its own origin, and the session's cookie. */
import type { Fetcher, FetcherParams, Observable } from "@graphiql/toolkit";
import { getOperationAST, parse, type ExecutionResult } from "graphql";
import { createClient, type Sink } from "graphql-ws";

const ENDPOINT = "/graphql";
const SOCKET = location.origin.replace(/^http/, "ws") + ENDPOINT;

type Headers = Record<string, unknown>;

/** Sends an operation of the page's own. Throws where the answer holds no data. */
export async function ask<Data>(query: string): Promise<Data> {
  const { data, errors } = await post({ query });
  if (!data) throw new Error(errors?.[0]?.message ?? "the server sent no data");
  return data as Data;
}

/**
 * Sends what is in the editor: queries and mutations by POST, subscriptions over
 * graphql-transport-ws.
 *
 * @param onSessionChange called after an answer that may mean that somebody else, or nobody, is
 * signed in now.
 */
export function createFetcher(onSessionChange: () => void): Fetcher {
  return async (params, options) => {
    const { operation, isSubscription } = prepare(params);
    const onAnswer = (answer: ExecutionResult) => {
      if (CHANGES_SESSION.test(operation.query) || isUnauthenticated(answer)) onSessionChange();
    };
    if (isSubscription) return subscription(operation, options?.headers, onAnswer);

    const answer = await post(operation, options?.headers);
    onAnswer(answer);
    return answer;
  };
}

async function post(operation: FetcherParams, headers?: Headers): Promise<ExecutionResult> {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    credentials: "same-origin",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
      ...(headers as Record<string, string>),
    },
    body: JSON.stringify(operation),
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    // Something in between, such as a reverse proxy, had its own say.
    throw { message: `${response.status} ${response.statusText}`, body: text };
  }
}

/** Each has a connection of its own, so that it is always made by whoever is signed in by then. */
function subscription(
  operation: FetcherParams,
  connectionParams: Headers | undefined,
  onAnswer: (answer: ExecutionResult) => void,
): Observable<ExecutionResult> {
  return {
    // GraphiQL passes an object of three functions, one of the several forms that the type allows.
    subscribe(observer) {
      const sink = observer as Sink<ExecutionResult>;
      // A server that restarts is waited for: until somebody stops it, a live view is to come back.
      const client = createClient({ url: SOCKET, connectionParams, retryAttempts: Infinity, retryWait });
      const stop = client.subscribe(operation, {
        next(answer) {
          onAnswer(answer as ExecutionResult);
          sink.next(answer as ExecutionResult);
        },
        error(error) {
          if (Array.isArray(error)) onAnswer({ errors: error });
          sink.error(error instanceof Event ? { message: whyClosed(error) } : error);
        },
        complete: () => sink.complete(),
      });
      return { unsubscribe: stop };
    },
  };
}

/** Longer from one attempt to the next, up to half a minute, and not for all pages at once. */
async function retryWait(attempts: number): Promise<void> {
  const seconds = Math.min(2 ** attempts, 30) * (0.5 + Math.random() / 2);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

function whyClosed(event: Event): string {
  if (event instanceof CloseEvent && event.reason) return `${event.reason} (${event.code})`;
  return "The subscription's connection was refused or lost.";
}

/**
 * GraphiQL names the operation a moment after the text has changed: right after a change of tabs
 * it still names the one of the tab before.
 */
function prepare({ operationName, ...rest }: FetcherParams) {
  try {
    const document = parse(rest.query);
    const named = operationName ? getOperationAST(document, operationName) : null;
    const chosen = named ?? getOperationAST(document);
    return {
      operation: named ? { ...rest, operationName } : rest,
      isSubscription: chosen?.operation === "subscription",
    };
  } catch {
    // The server says what is wrong with it.
    return { operation: rest, isSubscription: false };
  }
}

/** Mutations after which the header may have to show somebody else, nobody, or another name. */
const CHANGES_SESSION =
  /\b(signIn|signOut|acceptInvitation|resetPassword|revokeSession|updateProfile|updateUser)\b/;

/** The session ended meanwhile: it expired, or was revoked elsewhere. */
function isUnauthenticated({ errors }: ExecutionResult): boolean {
  return errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED") ?? false;
}
