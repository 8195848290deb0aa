// The newest events about a person or a thing, on the page of that: what was done, by whom, and how.
import { useCallback } from "react";

import type { Answer } from "../ask";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { LinkButton } from "../ui/Button";
import { Section } from "../ui/Page";
import { Failed, Loading } from "../ui/states";
import { Time } from "../ui/Time";
import { Changes } from "./Changes";

const EventFragment = graphql(`
  fragment NewestEvent on Event {
    id
    action
    actionCode
    actorId
    actorKind
    actorLabel
    subjectId
    subjectType
    subjectLabel
    createdAt
    ipAddress
    changes {
      field
      before
      after
      added
      removed
    }
  }
`);

const EventRecorded = graphql(`
  subscription EventAbout($filter: EventFilter) {
    eventRecorded(filter: $filter) {
      id
    }
  }
`);

interface NewestEventsProps {
  /** What they are about. */
  id: string;
  /** Whether they are somebody who does things as well. */
  isPerson?: boolean;
  events?: readonly FragmentType<typeof EventFragment>[];
  /** How the question for them went. */
  answer: Pick<Answer<unknown>, "error" | "again">;
  /** What to say where there are none. */
  none: string;
  /** Asks the server for what they are about again: whatever happened to it may have changed it. */
  again(): void;
}

export function NewestEvents({ id, isPerson, events, answer, none, again: askForSubject }: NewestEventsProps) {
  const { eventLog, users } = useMessages();
  const words = eventLog.newest;
  const { error, again: askForEvents } = answer;
  const report = useCallback(() => {
    askForEvents();
    askForSubject();
  }, [askForEvents, askForSubject]);
  useLive({ query: EventRecorded, variables: { filter: { subjectId: id } }, onReport: report, onConnected: report });
  // No filter says "or".
  useLive({ query: EventRecorded, variables: { filter: { actorId: id } }, onReport: report, pause: !isPerson });
  const found = events && readFragment(EventFragment, events);
  return (
    <Section
      title={words.title}
      actions={
        <>
          {isPerson && <LinkButton href={`/event-log?actor=${encodeURIComponent(id)}`}>{users.person.eventsBy}</LinkButton>}
          <LinkButton href={`/event-log?subject=${encodeURIComponent(id)}`}>{isPerson ? users.person.eventsAbout : words.all}</LinkButton>
        </>
      }
    >
      {error && <Failed error={error} retry={askForEvents} />}
      {!found && !error && <Loading />}
      {found?.length === 0 && <p className="quiet">{none}</p>}
      <ul className="rows">
        {found?.map((event) => {
          // What somebody did themselves says who; what they did to others says to whom.
          const isByOther = event.actorId !== id;
          const isAboutOther = event.subjectId !== null && event.subjectId !== id && event.subjectType === "user";
          return (
            <li key={event.id} className="row-with-time">
              <div>
                <Action action={event.action} code={event.actionCode} />{" "}
                <span className="quiet">
                  {isAboutOther && `${event.subjectLabel} `}
                  {isByOther && `${event.actorKind === "USER" ? words.by(event.actorLabel) : `(${eventLog.actorKinds[event.actorKind]})`} `}
                  <From address={event.ipAddress} />
                </span>
                <Changes changes={event.changes} />
              </div>
              <small className="quiet">
                <Time at={event.createdAt} />
              </small>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

function Action({ action, code }: { action?: keyof ReturnType<typeof useMessages>["eventActions"] | null; code: string }) {
  const { eventActions } = useMessages();
  return <b>{action ? eventActions[action] : code}</b>;
}

function From({ address }: { address?: string | null }) {
  const { eventLog } = useMessages();
  return address && eventLog.fromAddress(address);
}
