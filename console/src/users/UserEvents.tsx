// The newest events about a person: what they did, and what was done to them.
import { useCallback } from "react";

import { useAsk } from "../ask";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { LinkButton } from "../ui/Button";
import { Section } from "../ui/Page";
import { Failed, Loading } from "../ui/states";
import { Time } from "../ui/Time";

const EventFragment = graphql(`
  fragment UserEvent on Event {
    action
    actionCode
    actorId
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
    }
  }
`);

const EventsQuery = graphql(`
  query UserEvents($id: ID!) {
    user(id: $id) {
      id
      events(first: 10) {
        nodes {
          id
          ...UserEvent
        }
      }
    }
  }
`);

const EventRecorded = graphql(`
  subscription EventAboutUser($id: ID!) {
    eventRecorded(filter: { subjectId: $id }) {
      id
    }
  }
`);

interface UserEventsProps {
  id: string;
  /** Asks the server for the person again: whatever happened to them may have changed them. */
  again(): void;
}

export function UserEvents({ id, again: askForUser }: UserEventsProps) {
  const { users: words } = useMessages();
  const { data, error, again } = useAsk({ query: EventsQuery, variables: { id } });
  const report = useCallback(() => {
    again();
    askForUser();
  }, [again, askForUser]);
  useLive({ query: EventRecorded, variables: { id }, onReport: report, onConnected: report });

  const events = data?.user?.events?.nodes;
  return (
    <Section
      title={words.person.events}
      actions={<LinkButton href={`/event-log?subject=${encodeURIComponent(id)}`}>{words.person.eventsAll}</LinkButton>}
    >
      {error && <Failed error={error} retry={again} />}
      {!data && !error && <Loading />}
      {events?.length === 0 && <p className="quiet">{words.person.eventsNone}</p>}
      <ul className="rows">
        {events?.map((event) => (
          <EventRow key={event.id} event={event} userId={id} />
        ))}
      </ul>
    </Section>
  );
}

function EventRow({ event: masked, userId }: { event: FragmentType<typeof EventFragment>; userId: string }) {
  const event = readFragment(EventFragment, masked);
  const { users: words, eventLog, eventActions } = useMessages();
  const fields: Record<string, string> = eventLog.fields;
  const isByOther = event.actorId !== userId;
  const isAboutOther = event.subjectId !== null && event.subjectId !== userId && event.subjectType === "user";
  return (
    <li className="row-with-time">
      <div>
        <b>{event.action ? eventActions[event.action] : event.actionCode}</b>{" "}
        <span className="quiet">
          {isAboutOther && `${event.subjectLabel} `}
          {isByOther && `${words.person.by(event.actorLabel)} `}
          {event.ipAddress && words.person.from(event.ipAddress)}
        </span>
        {event.changes.map(({ field, before, after }) => (
          <small className="line quiet" key={field}>
            {fields[field] ?? field}: {before || "–"} → {after || "–"}
          </small>
        ))}
      </div>
      <small className="quiet">
        <Time at={event.createdAt} />
      </small>
    </li>
  );
}
