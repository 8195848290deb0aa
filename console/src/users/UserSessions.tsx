// Where a person is signed in, and signing them out.
import { useState } from "react";

import { useChange } from "../change";
import type { UserSessionsFragment } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { ConfirmChange } from "../ui/ConfirmChange";
import { useNotice } from "../ui/notice";
import { Section } from "../ui/Page";
import { Time } from "../ui/Time";
import { useWhy } from "./why";

const SessionsFragment = graphql(`
  fragment UserSessions on User {
    id
    displayName
    sessions {
      id
      createdAt
      lastUsedAt
      endsAt
      ipAddress
      userAgent
      isCurrent
    }
    viewerCan {
      endSessions
    }
    ...Reasons
  }
`);

const EndUserSessions = graphql(`
  mutation EndUserSessions($input: EndUserSessionsInput!) {
    endUserSessions(input: $input) {
      count
      user {
        id
        ...UserSessions
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const RevokeSession = graphql(`
  mutation RevokeSession($input: RevokeSessionInput!) {
    revokeSession(input: $input) {
      revokedId
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const SHOWN = 4;

export function UserSessions({ user: masked }: { user: FragmentType<typeof SessionsFragment> }) {
  const user = readFragment(SessionsFragment, masked);
  const { users: words, common } = useMessages();
  const { viewer } = useSession();
  const why = useWhy(user);
  const [isAsked, setAsked] = useState(false);
  const [areAllShown, setAllShown] = useState(false);
  const isOwn = user.id === viewer.id;
  return (
    <Section
      title={words.person.sessions}
      actions={
        !isOwn &&
        user.sessions.length > 0 && (
          <Button why={why({ can: user.viewerCan.endSessions, permission: "users.update" })} onPress={() => setAsked(true)}>
            {words.actions.endSessions}
          </Button>
        )
      }
    >
      {user.sessions.length === 0 && <p className="quiet">{words.person.sessionsNone}</p>}
      <ul className="rows">
        {user.sessions.slice(0, areAllShown ? undefined : SHOWN).map((session) => (
          <SessionRow key={session.id} session={session} isOwn={isOwn} />
        ))}
      </ul>
      {!areAllShown && user.sessions.length > SHOWN && (
        <Button look="plain" onPress={() => setAllShown(true)}>
          {common.showMore}
        </Button>
      )}
      {isAsked && <EndSessions user={user} close={() => setAsked(false)} />}
    </Section>
  );
}

function SessionRow({ session, isOwn }: { session: UserSessionsFragment["sessions"][number]; isOwn: boolean }) {
  const { users: words, eventLog } = useMessages();
  const tell = useNotice();
  const change = useChange(RevokeSession);
  const end = async () => {
    if (await change.run({ input: { id: session.id } })) tell(words.done.sessionEnded);
  };
  return (
    <li className="row-with-button">
      <div>
        <b title={session.userAgent ?? undefined}>{deviceOf(session.userAgent) ?? words.person.unknownDevice}</b>{" "}
        {session.isCurrent && <Badge tone="good">{words.person.current}</Badge>}
        <small className="line quiet">
          {session.ipAddress && `${eventLog.fromAddress(session.ipAddress)}, `}
          {words.person.lastUsed} <Time at={session.lastUsedAt} />
        </small>
        <small className="line quiet">
          {words.person.since} <Time at={session.createdAt} />, {words.person.ends} <Time at={session.endsAt} />
        </small>
      </div>
      {/* Others can only be signed out everywhere: the API ends single sessions for their owner alone. */}
      {isOwn && !session.isCurrent && (
        <Button busy={change.busy} onPress={() => void end()}>
          {words.confirm.endSession}
        </Button>
      )}
    </li>
  );
}

const BROWSERS = { "Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari", "curl/": "curl" };
const SYSTEMS = {
  Windows: "Windows",
  Android: "Android",
  iPhone: "iPhone",
  iPad: "iPad",
  "Mac OS": "macOS",
  CrOS: "ChromeOS",
  Linux: "Linux",
};

/** "Firefox, Windows": enough to know a device again. Browsers name others beside themselves: the first that fits is it. */
function deviceOf(userAgent: string | null | undefined): string | undefined {
  const find = (known: Record<string, string>) => Object.entries(known).find(([mark]) => userAgent?.includes(mark))?.[1];
  return [find(BROWSERS), find(SYSTEMS)].filter(Boolean).join(", ") || userAgent?.slice(0, 60) || undefined;
}

function EndSessions({ user: { id, displayName }, close }: { user: { id: string; displayName: string }; close(): void }) {
  const { users: words } = useMessages();
  return (
    <ConfirmChange
      document={EndUserSessions}
      variables={{ input: { userId: id } }}
      title={words.confirm.endSessionsTitle(displayName)}
      action={words.actions.endSessions}
      danger
      done={({ count }) => words.done.sessionsEnded(count ?? 0)}
      onClose={close}
    >
      <p>{words.confirm.endSessions}</p>
    </ConfirmChange>
  );
}
