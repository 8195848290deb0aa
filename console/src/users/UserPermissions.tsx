// What a person may do, and why: which of their roles grant a permission, or why they do not have it.
import { useState } from "react";

import { useAsk } from "../ask";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { useFormat } from "../messages/format";
import { usePermissionWords } from "../permissions";
import { useSession } from "../session";
import { Select } from "../ui/fields";
import { Section } from "../ui/Page";
import { Failed, Loading } from "../ui/states";

const PermissionsQuery = graphql(`
  query ExistingPermissions {
    applications {
      id
      code
      permissions {
        code
      }
    }
  }
`);

// Which other roles grant it is told to those who may see roles; who may not is not to ask.
const ExplanationQuery = graphql(`
  query ExplainPermission($userId: ID!, $permission: PermissionCode!, $seesRoles: Boolean!) {
    explainPermission(userId: $userId, permission: $permission) {
      obstacle
      roles {
        id
        name
      }
    }
    roles(first: 10, filter: { permission: $permission }, orderBy: { field: NAME, direction: ASC }) @include(if: $seesRoles) {
      nodes {
        id
        name
      }
    }
  }
`);

interface UserPermissionsProps {
  id: string;
  /** What they may do now. */
  permissions: readonly string[];
}

/** In the place of a permission. */
const NONE = "none";

export function UserPermissions({ id, permissions }: UserPermissionsProps) {
  const words = useMessages().users.may;
  const { list } = usePermissionWords();
  const { data } = useAsk({ query: PermissionsQuery, requestPolicy: "cache-first" });
  const [permission, setPermission] = useState(NONE);
  const codes = data?.applications.flatMap(({ permissions }) => permissions.map(({ code }) => code)) ?? [];
  return (
    <Section title={words.title}>
      <div className="fields">
        <ul className="rows field">
          {permissions.length === 0 && <li className="quiet">{words.nothing}</li>}
          {list(permissions).map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
        <Select
          label={words.why}
          value={permission}
          onChange={setPermission}
          options={[{ value: NONE, label: words.choose }, ...codes.map((code) => ({ value: code, label: list([code]).join() }))]}
        />
      </div>
      <div role="status">
        {permission !== NONE && <Explanation key={[permission, ...permissions].join()} userId={id} permission={permission} />}
      </div>
    </Section>
  );
}

function Explanation({ userId, permission }: { userId: string; permission: string }) {
  const words = useMessages().users.may;
  const { may } = useSession();
  const format = useFormat();
  const { data, error, again } = useAsk({ query: ExplanationQuery, variables: { userId, permission, seesRoles: may("roles.view") } });
  if (!data) return error ? <Failed error={error} retry={again} /> : <Loading />;
  if (!data.explainPermission) return null;
  const { obstacle, roles } = data.explainPermission;
  const names = (roles: readonly { name: string }[]) => format.list(roles.map(({ name }) => name));
  const others = data.roles?.nodes ?? [];
  return (
    <div className="effects">
      <p>{obstacle ? words.obstacles[obstacle] : words.granted}</p>
      {roles.length > 0 && <p>{words.roles(names(roles))}</p>}
      {roles.length === 0 && others.length > 0 && <p>{words.otherRoles(names(others))}</p>}
    </div>
  );
}
