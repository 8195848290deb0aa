// Roles by name: all that there are, and the code names that belong to what a table calls them.
import { useEffect, useState } from "react";
import { useClient } from "urql";

import type { InviteUsersRow } from "../gql/graphql";
import { graphql } from "../graphql";
import { useSession } from "../session";
import type { Person } from "./parse";

const RoleNames = graphql(`
  query RoleNames($after: String) {
    roles(first: 100, after: $after, orderBy: { field: NAME, direction: ASC }) {
      nodes {
        id
        name
        codeName
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
  codeName: string;
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

const isSame = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();

/** With the code name of each role that goes by its name. What is none, or could be several, the server complains about. */
export function withCodeNames(people: Person[], known: readonly RoleName[]): Person[] {
  const codeNameOf = (written: string) => {
    if (known.some(({ codeName }) => isSame(codeName, written))) return written;
    const named = known.filter(({ name }) => isSame(name, written));
    return named.length === 1 ? named[0]!.codeName : written;
  };
  return people.map((person) => ({ ...person, roles: person.roles.map(codeNameOf) }));
}

/** What the roles of somebody who is to be invited are called, as far as they are known. */
export function namesOf({ roleIds, roleCodeNames }: InviteUsersRow, known: readonly RoleName[]): string[] {
  const byId = (roleIds ?? []).map((id) => known.find((role) => role.id === id)?.name ?? id);
  const byCode = (roleCodeNames ?? []).map((code) => known.find(({ codeName }) => isSame(codeName, code))?.name ?? code);
  return [...byId, ...byCode];
}
