// The filters of the list of e-mails, as they stand in the address.
import { useMemo } from "react";

import type { EmailFilter } from "../gql/graphql";
import type { Address } from "../ui/address";
import { EMAIL_KINDS, EMAIL_STATUSES } from "./state";

/** Their names in the address. */
export const FILTERS = ["search", "state", "kind"];

export function useEmailFilter(address: Address): EmailFilter {
  return useMemo(
    () => ({
      search: address.get("search"),
      statuses: some(address.all("state", EMAIL_STATUSES)),
      kinds: some(address.all("kind", EMAIL_KINDS)),
    }),
    [address],
  );
}

/** None of several conditions means all for those who filter, and nothing at all for the server. */
const some = <Value>(values: Value[]) => (values.length > 0 ? values : undefined);
