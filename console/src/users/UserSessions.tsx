// Where a person is signed in, and signing them out.
import { useState } from "react";

import type { UserSessionsFragment } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { ConfirmChange } from "../ui/ConfirmChange";
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

type Session = UserSessionsFragment["sessions"][number];

const SHOWN = 4;

export function UserSessions({ user: masked }: { user: FragmentType<typeof SessionsFragment> }) {
  const user = readFragment(SessionsFragment, masked);
  const { users: words, common } = useMessages();
  const { viewer } = useSession();
  const why = useWhy(user);
  const [ending, setEnding] = useState<Session | "all">();
  const [areAllShown, setAllShown] = useState(false);
  const isOwn = user.id === viewer.id;
  const whyNot = !isOwn && why({ can: user.viewerCan.endSessions, permission: "users.update" });
  const close = () => setEnding(undefined);
  return (
    <Section
      title={words.person.sessions}
      actions={
        !isOwn &&
        user.sessions.length > 0 && (
          <Button why={whyNot} onPress={() => setEnding("all")}>
            {words.actions.endSessions}
          </Button>
        )
      }
    >
      {user.sessions.length === 0 && <p className="quiet">{words.person.sessionsNone}</p>}
      <ul className="rows">
        {user.sessions.slice(0, areAllShown ? undefined : SHOWN).map((session) => (
          <SessionRow key={session.id} session={session} why={whyNot} end={() => setEnding(session)} />
        ))}
      </ul>
      {!areAllShown && user.sessions.length > SHOWN && (
        <Button look="plain" onPress={() => setAllShown(true)}>
          {common.showMore}
        </Button>
      )}
      {ending === "all" && <EndSessions user={user} close={close} />}
      {typeof ending === "object" && <EndSession user={user} session={ending} isOwn={isOwn} close={close} />}
    </Section>
  );
}

function SessionRow({ session, why, end }: { session: Session; why: string | false; end(): void }) {
  const { users: words, eventLog } = useMessages();
  const device = useDevice();
  return (
    <li className="row-with-button">
      <div>
        <b title={session.userAgent ?? undefined}>{device(session)}</b>{" "}
        {session.isCurrent && <Badge tone="good">{words.person.current}</Badge>}
        <small className="line quiet">
          {session.ipAddress && `${eventLog.fromAddress(session.ipAddress)}, `}
          {words.person.lastUsed} <Time at={session.lastUsedAt} />
        </small>
        <small className="line quiet">
          {words.person.since} <Time at={session.createdAt} />, {words.person.ends} <Time at={session.endsAt} />
        </small>
      </div>
      {!session.isCurrent && (
        <Button why={why} onPress={end}>
          {words.actions.endSession}
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

/** What a session's device is called. */
function useDevice(): (session: Session) => string {
  const { users: words } = useMessages();
  return ({ userAgent }) => deviceOf(userAgent) ?? words.person.unknownDevice;
}

interface EndProps {
  user: { id: string; displayName: string };
  close(): void;
}

function EndSession({ user, session, isOwn, close }: EndProps & { session: Session; isOwn: boolean }) {
  const { users: words } = useMessages();
  const device = useDevice();
  const confirm = {
    title: words.confirm.endSessionTitle(device(session)),
    action: words.actions.endSession,
    danger: true,
    done: () => words.done.sessionEnded,
    onClose: close,
    children: <p>{words.confirm.endSession}</p>,
  };
  return isOwn ? (
    <ConfirmChange document={RevokeSession} variables={{ input: { id: session.id } }} {...confirm} />
  ) : (
    <ConfirmChange document={EndUserSessions} variables={{ input: { userId: user.id, sessionId: session.id } }} {...confirm} />
  );
}

function EndSessions({ user: { id, displayName }, close }: EndProps) {
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
