// One person: who they are, what they may do, how they came, where they are signed in, and what happened.
import { useAsk } from "../ask";
import { graphql, readFragment } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { NotFound } from "../shell/NotFound";
import { Page } from "../ui/Page";
import { Failed, Loading } from "../ui/states";
import { UserEvents } from "./UserEvents";
import { UserActions } from "./UserActions";
import { UserGeneral } from "./UserGeneral";
import { UserInvitation } from "./UserInvitation";
import { UserPermissions } from "./UserPermissions";
import { UserRoles } from "./UserRoles";
import { UserSessions } from "./UserSessions";
import { UserState } from "./state";

const UserFragment = graphql(`
  fragment UserPage on User {
    id
    displayName
    email
    status
    permissions
    invitation {
      id
      status
    }
    ...UserActions
    ...UserGeneral
    ...UserRoles
    ...UserInvitation
    ...UserSessions
  }
`);

const UserQuery = graphql(`
  query User($id: ID!) {
    user(id: $id) {
      id
      ...UserPage
    }
  }
`);

export function UserPage({ id }: { id: string }) {
  const { users: words } = useMessages();
  const { may } = useSession();
  const { data, error, busy, again } = useAsk({ query: UserQuery, variables: { id } });

  if (!data) {
    return (
      <Page title={words.title} back={{ href: "/users", title: words.title }}>
        {error ? <Failed error={error} retry={again} /> : <Loading />}
      </Page>
    );
  }
  if (!data.user) return busy ? <Loading /> : <NotFound list={{ href: "/users", title: words.title }} />;
  const user = readFragment(UserFragment, data.user);
  return (
    <Page
      title={user.displayName}
      beside={<UserState status={user.status} invitation={user.invitation?.status} />}
      below={user.email !== user.displayName && user.email}
      back={{ href: "/users", title: words.title }}
      actions={<UserActions user={user} />}
    >
      {error && <Failed error={error} retry={again} />}
      <div className="columns">
        <div>
          <UserGeneral user={user} again={again} />
          <UserRoles user={user} />
          <UserPermissions id={id} permissions={user.permissions} />
        </div>
        <div>
          <UserInvitation user={user} again={again} />
          <UserSessions user={user} />
        </div>
      </div>
      {may("event-log.view") && <UserEvents id={id} again={again} />}
    </Page>
  );
}
