// Where a person is signed in, and signing them out.
import { useState } from "react";

import type { UserSessionsFragment } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { ConfirmChange } from "../ui/ConfirmChange";
import { useFocusAfterDialog } from "../ui/focus";
import { Section } from "../ui/Page";
import { Time } from "../ui/Time";
import { useDevice } from "./device";
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
  // Whatever is ended takes the button along that had the focus.
  const place = useFocusAfterDialog<HTMLDivElement>(Boolean(ending));
  const isOwn = user.id === viewer.id;
  const whyNot = !isOwn && why({ can: user.viewerCan.endSessions, permission: "users.update" });
  const asked = { user, why: whyNot, done: place.done, close: () => setEnding(undefined) };
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
      <div ref={place.ref} tabIndex={-1} role="group" aria-label={words.person.sessions}>
        {user.sessions.length === 0 && <p className="quiet">{words.person.sessionsNone}</p>}
        <ul className="rows">
          {user.sessions.slice(0, areAllShown ? undefined : SHOWN).map((session) => (
            <SessionRow key={session.id} session={session} why={whyNot} end={() => setEnding(session)} />
          ))}
        </ul>
      </div>
      {!areAllShown && user.sessions.length > SHOWN && (
        <Button
          look="plain"
          onPress={() => {
            setAllShown(true);
            place.ref.current?.focus();
          }}
        >
          {common.showMore}
        </Button>
      )}
      {ending === "all" && <EndSessions {...asked} />}
      {typeof ending === "object" && <EndSession {...asked} session={ending} isOwn={isOwn} />}
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

interface EndProps {
  user: { id: string; displayName: string };
  why: string | false;
  done(): void;
  close(): void;
}

function EndSession({ user, session, isOwn, why, done, close }: EndProps & { session: Session; isOwn: boolean }) {
  const { users: words } = useMessages();
  const device = useDevice();
  const confirm = {
    title: words.confirm.endSessionTitle(device(session)),
    action: words.actions.endSession,
    danger: true,
    done: () => words.done.sessionEnded,
    why,
    onDone: done,
    onClose: close,
    children: <p>{words.confirm.endSession}</p>,
  };
  return isOwn ? (
    <ConfirmChange document={RevokeSession} variables={{ input: { id: session.id } }} {...confirm} />
  ) : (
    <ConfirmChange document={EndUserSessions} variables={{ input: { userId: user.id, sessionId: session.id } }} {...confirm} />
  );
}

function EndSessions({ user: { id, displayName }, why, done, close }: EndProps) {
  const { users: words } = useMessages();
  return (
    <ConfirmChange
      document={EndUserSessions}
      variables={{ input: { userId: id } }}
      title={words.confirm.endSessionsTitle(displayName)}
      action={words.actions.endSessions}
      danger
      done={({ count }) => words.done.sessionsEnded(count ?? 0)}
      why={why}
      onDone={done}
      onClose={close}
    >
      <p>{words.confirm.endSessions}</p>
    </ConfirmChange>
  );
}
