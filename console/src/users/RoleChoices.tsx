// Choosing roles, by name and with what each allows. Nobody can give a role that allows more than they may do.
import { useState } from "react";

import { useAsk } from "../ask";
import type { AssignableRoleFragment } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";
import { useSession } from "../session";
import { Choices, TextField, type Option } from "../ui/fields";
import { Failed, Loading } from "../ui/states";

const RoleFragment = graphql(`
  fragment AssignableRole on Role {
    id
    name
    description
    viewerCan {
      assign
    }
    ...Grants
  }
`);

const RolesQuery = graphql(`
  query AssignableRoles($search: String) {
    roles(first: 100, filter: { search: $search }, orderBy: { field: NAME, direction: ASC }) {
      totalCount
      nodes {
        id
        ...AssignableRole
      }
    }
  }
`);

/** From so many on, there is a field to find one. */
const MANY = 10;

export type AssignableRole = FragmentType<typeof RoleFragment> & { id: string };

interface RoleChoicesProps {
  label: string;
  hint?: string;
  /** They stay in sight whatever is searched for. */
  chosen: readonly AssignableRole[];
  onChange(chosen: AssignableRole[]): void;
  /** Roles that are held already, chosen or not. */
  held?: readonly AssignableRole[];
}

export function RoleChoices({ label, hint, chosen, onChange, held = [] }: RoleChoicesProps) {
  const { users: words } = useMessages();
  const { grantsNothing } = usePermissionWords();
  const { may } = useSession();
  const [search, setSearch] = useState("");
  const { data, error, again } = useAsk({
    query: RolesQuery,
    variables: { search: search.trim() || undefined },
    pause: !may("roles.view"),
  });
  const toOption = useRoleOption();

  if (!may("roles.view")) return <p className="alert calm">{words.invite.noRolesAllowed}</p>;
  if (error && !data) return <Failed error={error} retry={again} />;
  if (!data) return <Loading />;

  const { nodes, totalCount } = data.roles;
  const others = [...held, ...chosen].filter(({ id }) => !nodes.some((role) => role.id === id));
  const shown = [...new Map([...others, ...nodes].map((role) => [role.id, role])).values()];
  const allowNothing = chosen.length > 0 && chosen.every((role) => grantsNothing(readFragment(RoleFragment, role)));
  return (
    <>
      {(totalCount > MANY || search) && (
        <TextField label={words.invite.searchRoles} value={search} onChange={setSearch} type="search" maxLength={200} />
      )}
      <Choices
        name="roleIds"
        label={label}
        hint={hint}
        options={shown.map((role) => toOption(readFragment(RoleFragment, role)))}
        values={chosen.map(({ id }) => id)}
        onChange={(ids) => onChange(shown.filter(({ id }) => ids.includes(id)))}
      />
      <p role="status" className="quiet">
        {allowNothing && words.invite.rolesAllowNothing(chosen.length)}
      </p>
      {totalCount > nodes.length && <p className="quiet">{words.invite.moreRoles}</p>}
    </>
  );
}

/** A role as something to choose. */
function useRoleOption() {
  const { users: words, permissions } = useMessages();
  const { grants, beyond, some } = usePermissionWords();
  return (role: AssignableRoleFragment): Option<string> => {
    const lines = grants(role);
    const lacking = beyond(role);
    return {
      value: role.id,
      label: role.name,
      hint: (
        <>
          {role.description && (
            <span className="line" dir="auto">
              {role.description}
            </span>
          )}
          {lines.join(" · ") || permissions.nothing}
        </>
      ),
      why: !role.viewerCan.assign && (lacking.length > 0 ? words.roleExceeds(some(lacking)) : words.roleUnknown),
    };
  };
}
