// The newest events about a person: what they did, and what was done to them.
import { useCallback } from "react";
import { useQuery } from "urql";

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
    actorLabel
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

export function UserEvents({ id }: { id: string }) {
  const { users: words } = useMessages();
  const [{ data, error }, ask] = useQuery({ query: EventsQuery, variables: { id } });
  const again = useCallback(() => ask({ requestPolicy: "network-only" }), [ask]);
  useLive({ query: EventRecorded, variables: { id }, onReport: again, onConnected: again });

  const events = data?.user?.events?.nodes;
  return (
    <Section title={words.person.events} actions={<LinkButton href={`/event-log?subject=${encodeURIComponent(id)}`}>{words.person.eventsAll}</LinkButton>}>
      {error && <Failed error={error} retry={again} />}
      {!data && !error && <Loading />}
      {events?.length === 0 && <p className="quiet">{words.person.eventsNone}</p>}
      <ul className="rows">{events?.map((event) => <EventRow key={event.id} event={event} />)}</ul>
    </Section>
  );
}

function EventRow({ event: masked }: { event: FragmentType<typeof EventFragment> }) {
  const event = readFragment(EventFragment, masked);
  const { users: words, eventActions } = useMessages();
  const isByOther = event.actorLabel !== event.subjectLabel;
  return (
    <li className="row-with-time">
      <div>
        <b>{event.action ? eventActions[event.action] : event.actionCode}</b>{" "}
        <span className="quiet">
          {isByOther && `${words.person.by(event.actorLabel)} `}
          {event.ipAddress && words.person.from(event.ipAddress)}
        </span>
        {event.changes.map(({ field, before, after }) => (
          <small className="line quiet" key={field}>{field}: {before ?? "–"} → {after ?? "–"}</small>
        ))}
      </div>
      <small className="quiet"><Time at={event.createdAt} /></small>
    </li>
  );
}
