// Mutations: one that is under way, and what the server has to say against it.
import { useCallback, useState } from "react";
import { useClient, type AnyVariables, type CombinedError, type TypedDocumentNode } from "urql";

import type { Refusal } from "./ui/form";

/** What the one field of a mutation returns. */
export type Payload<Data> = Exclude<Data[Exclude<keyof Data, "__typename">], undefined>;

export interface Change<Data, Variables> {
  /** Resolves to what the mutation returns, or to nothing if it was refused or failed: `error` and `userErrors` say why. */
  run(variables: Variables): Promise<Payload<Data> | undefined>;
  busy: boolean;
  error?: CombinedError;
  userErrors: Refusal;
  /** Forgets what went wrong. */
  reset(): void;
}

/** That of the only field; beside it, the cache may note the name of the type. */
export function payloadOf<Data>(data: Data | undefined) {
  const values: unknown[] = Object.values(data ?? {});
  return values.find((value) => value && typeof value === "object") as (Payload<Data> & { userErrors?: Refusal }) | undefined;
}

interface Outcome {
  busy: boolean;
  error?: CombinedError;
  userErrors: Refusal;
}

const NOTHING: Outcome = { busy: false, userErrors: undefined };

/** For a mutation with one field, whose payload has `userErrors { ...UserErrors }`. */
export function useChange<Data, Variables extends AnyVariables>(document: TypedDocumentNode<Data, Variables>): Change<Data, Variables> {
  const client = useClient();
  const [outcome, setOutcome] = useState<Outcome>(NOTHING);

  const run = useCallback(
    async (variables: Variables) => {
      setOutcome({ ...NOTHING, busy: true });
      const { data, error } = await client.mutation(document, variables);
      const payload = payloadOf(data);
      const userErrors = payload?.userErrors?.length ? payload.userErrors : undefined;
      setOutcome({ busy: false, error, userErrors });
      return userErrors ? undefined : payload;
    },
    [client, document],
  );
  const reset = useCallback(() => setOutcome(NOTHING), []);
  return { run, ...outcome, reset };
}
