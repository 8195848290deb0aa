// A typed client in fifty lines: what an operation takes and returns is known from its text.
import type { TypedDocumentString } from "./gql/graphql";

/** What no input can mend: somebody has to sign in, lacks a permission, or the server failed. */
export class UsherError extends Error {
  constructor(
    message: string,
    /** `UNAUTHENTICATED`, `FORBIDDEN`, `BAD_REQUEST`, `RATE_LIMITED`, `INTERNAL`, … */
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
    /** In a browser on the server's own origin, or an allowed one, leave it out: the cookie does. */
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
      throw new UsherError(error?.message ?? "there was no answer", error?.extensions?.code ?? "INTERNAL");
    }
    return data;
  }
}

interface UserError {
  code: string;
  field?: string[] | null;
  message: string;
}

/** A form would put each message next to its field; here, the first one ends the program. */
export function accepted<Payload extends { userErrors: UserError[] }>(payload: Payload): Payload {
  const [error] = payload.userErrors;
  if (error) throw new Error(`${error.field?.join(".") ?? "input"}: ${error.message} (${error.code})`);
  return payload;
}
