// The filter by roles: any of some, or none at all.
import { useEffect, useState } from "react";
import { useClient } from "urql";

import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import type { Address } from "../ui/address";
import { MultiSelect } from "../ui/fields";
import { NO_ROLE, rolesIn } from "./filter";

const RoleNames = graphql(`
  query RoleNames($after: String) {
    roles(first: 100, after: $after, orderBy: { field: NAME, direction: ASC }) {
      nodes {
        id
        name
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export interface RoleName {
  id: string;
  name: string;
}

/** All roles, as far as they can be asked for: there may be more than the server gives at once. */
export function useRoleNames(): RoleName[] | undefined {
  const client = useClient();
  const { may } = useSession();
  const [roles, setRoles] = useState<RoleName[]>();
  const isAllowed = may("roles.view");
  useEffect(() => {
    let isWanted = isAllowed;
    const ask = async (known: RoleName[], after?: string | null) => {
      const { data } = await client.query(RoleNames, { after });
      const found = [...known, ...(data?.roles.nodes ?? [])];
      if (!isWanted) return;
      if (data?.roles.pageInfo.hasNextPage) await ask(found, data.roles.pageInfo.endCursor);
      else setRoles(found);
    };
    if (isWanted) void ask([]);
    return () => {
      isWanted = false;
    };
  }, [client, isAllowed]);
  return roles;
}

export function RoleFilter({ address, roles }: { address: Address; roles: RoleName[] }) {
  const { users: words } = useMessages();
  const values = rolesIn(
    address,
    roles.map(({ id }) => id),
  );
  const choose = (chosen: string[]) => {
    // Nobody holds a role and none: what was chosen last holds.
    const isNone = chosen.includes(NO_ROLE) && !values.includes(NO_ROLE);
    address.change({ role: isNone ? NO_ROLE : chosen.filter((role) => role !== NO_ROLE) });
  };
  return (
    <MultiSelect
      label={words.roles}
      options={[...roles.map(({ id, name }) => ({ value: id, label: name })), { value: NO_ROLE, label: words.noRoles }]}
      values={values}
      onChange={choose}
    />
  );
}
