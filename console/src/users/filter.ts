// The filters of the list of users, as they stand in the address.
import { useMemo } from "react";

import type { UserFilter } from "../gql/graphql";
import type { Address } from "../ui/address";
import { INVITATION_STATUSES, USER_STATUSES } from "./state";

/** Their names in the address. */
export const FILTERS = ["search", "state", "role", "invitation", "signed-in"];

export const SIGNED_IN = ["week", "month", "notMonth", "notQuarter", "never"] as const;

/** In the place of a role, for those who hold none. */
export const NO_ROLE = "none";

const DAY = 86_400_000;

/** The roles in the address. Where there is one, that they hold none is left out. */
export function rolesIn(address: Address, known: readonly string[]): string[] {
  const held = address.all("role", known);
  return held.length > 0 ? held : address.all("role", [NO_ROLE]);
}

export function useUserFilter(address: Address, roleIds: readonly string[]): UserFilter {
  const signedIn = address.one("signed-in", SIGNED_IN);
  const times = useMemo(() => signedIn && timesOf(signedIn), [signedIn]);
  const roles = rolesIn(address, roleIds);
  return {
    search: address.get("search"),
    statuses: some(address.all("state", USER_STATUSES)),
    invitationStatuses: some(address.all("invitation", INVITATION_STATUSES)),
    roleIds: some(roles.filter((role) => role !== NO_ROLE)),
    withoutRoles: roles.includes(NO_ROLE) || undefined,
    ...times,
  };
}

/** None of several conditions means all for those who filter, and nothing at all for the server. */
const some = <Value>(values: Value[]) => (values.length > 0 ? values : undefined);

function timesOf(signedIn: (typeof SIGNED_IN)[number]): Pick<UserFilter, "lastSignedInAfter" | "lastSignedInBefore"> {
  const ago = (days: number) => new Date(Date.now() - days * DAY).toISOString();
  switch (signedIn) {
    case "week":
      return { lastSignedInAfter: ago(7) };
    case "month":
      return { lastSignedInAfter: ago(30) };
    case "notMonth":
      return { lastSignedInBefore: ago(30) };
    case "notQuarter":
      return { lastSignedInBefore: ago(90) };
    case "never":
      return { lastSignedInBefore: new Date(0).toISOString() };
  }
}
