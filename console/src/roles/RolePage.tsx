// One role: what it grants, who holds it, and what happened to it.
import { useState, type ReactNode } from "react";

import { useAsk } from "../ask";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { NotFound } from "../shell/NotFound";
import { Button } from "../ui/Button";
import { Fact } from "../ui/Fact";
import { takeFocusAfterDialog } from "../ui/focus";
import { Page, Section } from "../ui/Page";
import { Failed, Loading } from "../ui/states";
import { Time } from "../ui/Time";
import { DeleteRole } from "./DeleteRole";
import { PermissionGrid } from "./PermissionGrid";
import { isBegun, RoleEdit } from "./RoleEdit";
import { RoleEvents } from "./RoleEvents";
import { RoleHolders } from "./RoleHolders";
import { RoleKind } from "./RoleKind";
import { useRoleWhy } from "./why";

const RoleFragment = graphql(`
  fragment RolePage on Role {
    id
    name
    codeName
    description
    createdAt
    updatedAt
    isProtected
    isManaged
    permissions
    unknownPermissions
    ...RoleReasons
    ...RoleKind
    ...RoleEdit
    ...RoleHolders
  }
`);

// Nobody can delete a role that they hold themselves.
const RoleQuery = graphql(`
  query Role($id: ID!) {
    role(id: $id) {
      id
      ...RolePage
    }
    viewer {
      id
      roles {
        id
      }
    }
  }
`);

export function RolePage({ id }: { id: string }) {
  const { roles: words } = useMessages();
  const { data, error, busy, again } = useAsk({ query: RoleQuery, variables: { id } });

  if (!data) {
    return (
      <Page title={words.title} back={{ href: "/roles", title: words.title }}>
        {error ? <Failed error={error} retry={again} /> : <Loading />}
      </Page>
    );
  }
  if (!data.role) return busy ? <Loading /> : <NotFound list={{ href: "/roles", title: words.title }} />;
  const ownRoles = data.viewer?.roles.map(({ id }) => id) ?? [];
  return (
    <KnownRole role={data.role} ownRoles={ownRoles} again={again}>
      {error && <Failed error={error} retry={again} />}
    </KnownRole>
  );
}

interface KnownRoleProps {
  role: FragmentType<typeof RoleFragment>;
  ownRoles: string[];
  again(): void;
  children: ReactNode;
}

function KnownRole({ role: masked, ownRoles, again, children }: KnownRoleProps) {
  const role = readFragment(RoleFragment, masked);
  const { roles: words } = useMessages();
  const { may } = useSession();
  const why = useRoleWhy(role, ownRoles);
  // `false` once it was edited: then what has become of it has the focus.
  const [isEditing, setEditing] = useState<boolean | undefined>(() => isBegun(role) || undefined);
  const [isDeleting, setDeleting] = useState(false);
  const fixed = (role.isProtected && words.isProtected) || (role.isManaged && words.isManaged);
  return (
    <Page
      title={role.name}
      beside={<RoleKind role={role} />}
      below={
        role.description && (
          <span className="role-description" dir="auto">
            {role.description}
          </span>
        )
      }
      back={{ href: "/roles", title: words.title }}
      actions={
        <>
          {!isEditing && (
            <Button why={why.change("update")} onPress={() => setEditing(true)}>
              {words.edit.edit}
            </Button>
          )}
          <Button why={why.change("delete")} onPress={() => setDeleting(true)}>
            {words.remove.action}
          </Button>
        </>
      }
    >
      {children}
      {fixed && <p className="alert calm">{fixed}</p>}
      {isEditing ? (
        <RoleEdit role={role} again={again} close={() => setEditing(false)} />
      ) : (
        <Section title={words.grants}>
          <div ref={isEditing === false ? takeFocusAfterDialog : undefined} tabIndex={-1} role="group" aria-label={words.grants}>
            {role.permissions.length === 0 && <p>{words.allowsNothing}</p>}
            <PermissionGrid chosen={new Set(role.permissions)} />
          </div>
          {Boolean(role.unknownPermissions?.length) && <p className="quiet">{words.unknown(role.unknownPermissions!.join(", "))}</p>}
        </Section>
      )}
      <div className="columns">
        <RoleHolders role={role} />
        <div>
          <Section title={words.general}>
            <dl className="facts">
              <Fact title={words.codeName}>
                <code>{role.codeName}</code>
              </Fact>
              <Fact title={words.createdAt}>
                <Time at={role.createdAt} full />
              </Fact>
              <Fact title={words.updatedAt}>
                <Time at={role.updatedAt} full />
              </Fact>
            </dl>
          </Section>
          {may("event-log.view") && <RoleEvents id={role.id} again={again} />}
        </div>
      </div>
      {isDeleting && <DeleteRole role={role} onClose={() => setDeleting(false)} />}
    </Page>
  );
}
