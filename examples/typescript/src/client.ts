// A typed client in about fifty lines: the text of an operation determines what it takes and returns.
import type { TypedDocumentString } from "./gql/graphql";

/** Errors that no other input would avoid: nobody is signed in, a permission is missing, the server failed. */
export class UsherError extends Error {
  constructor(
    message: string,
    /** `UNAUTHENTICATED`, `FORBIDDEN`, `BAD_REQUEST`, `RATE_LIMITED`, `UNAVAILABLE`, `INTERNAL`, … */
    readonly code: string,
  ) {
    super(message);
  }
}

interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

export class Usher {
  constructor(
    private readonly url: string,
    /** Leave it out in a browser on the server's own origin or an allowed one: the cookie replaces it. */
    private readonly token?: string,
  ) {}

  withToken(token: string): Usher {
    return new Usher(this.url, token);
  }

  async run<Data, Variables>(
    operation: TypedDocumentString<Data, Variables>,
    ...[variables]: Variables extends Record<string, never> ? [] : [Variables]
  ): Promise<Data> {
    const response = await fetch(this.url, {
      method: "POST",
      credentials: "include",
      headers: {
        "Content-Type": "application/json",
        ...(this.token && { Authorization: `Bearer ${this.token}` }),
      },
      body: JSON.stringify({ query: operation.toString(), variables }),
    });
    const { data, errors } = (await response.json()) as Answer<Data>;
    const error = errors?.[0];
    if (error || !data) {
      throw new UsherError(error?.message ?? "the server sent no data", error?.extensions?.code ?? "INTERNAL");
    }
    return data;
  }
}

interface UserError {
  code: string;
  field?: string[] | null;
  message: string;
}

/** A form would show each message next to its field; here, the first one ends the program. */
export function accepted<Payload extends { userErrors: UserError[] }>(payload: Payload): Payload {
  const [error] = payload.userErrors;
  if (error) throw new Error(`${error.field?.join(".") ?? "input"}: ${error.message} (${error.code})`);
  return payload;
}
