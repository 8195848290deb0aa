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
      statuses: address.some("state", EMAIL_STATUSES),
      kinds: address.some("kind", EMAIL_KINDS),
    }),
    [address],
  );
}
