// Queries: what is shown stays when the server cannot be asked again, or not about all of it, with all that was
// typed into it.
import { useCallback, useState } from "react";
import { useQuery, type AnyVariables, type CombinedError, type UseQueryArgs } from "urql";

export interface Answer<Data> {
  data?: Data;
  error?: CombinedError;
  /** Whether the server is being asked. */
  busy: boolean;
  again(): void;
}

/** As `useQuery` of urql takes it. */
export function useAsk<Data, Variables extends AnyVariables>(question: UseQueryArgs<Variables, Data>): Answer<Data> {
  const [{ data, error, fetching, stale }, ask] = useQuery<Data, Variables>(question);
  const key = JSON.stringify(question.variables ?? {});
  const [kept, setKept] = useState<{ key: string; data: Data }>();
  if (data && !error && !fetching && (kept?.key !== key || kept.data !== data)) setKept({ key, data });

  const again = useCallback(() => ask({ requestPolicy: "network-only" }), [ask]);
  // Beside an error, null may stand for what there is but could not be read.
  const known = kept?.key === key ? kept.data : undefined;
  return { data: error ? known : (data ?? known), error, busy: fetching || stale, again };
}
