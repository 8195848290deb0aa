// The newest events about a role: who made and changed it, and how.
import { useCallback } from "react";

import { useAsk } from "../ask";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";
import { LinkButton } from "../ui/Button";
import { Section } from "../ui/Page";
import { Failed, Loading } from "../ui/states";
import { Time } from "../ui/Time";
import { difference } from "./permissions";

const EventFragment = graphql(`
  fragment RoleEvent on Event {
    action
    actionCode
    actorLabel
    createdAt
    changes {
      field
      before
      after
    }
  }
`);

const EventsQuery = graphql(`
  query RoleEvents($id: ID!) {
    events(first: 5, filter: { subjectId: $id }) {
      nodes {
        id
        ...RoleEvent
      }
    }
  }
`);

const EventRecorded = graphql(`
  subscription EventAboutRole($id: ID!) {
    eventRecorded(filter: { subjectId: $id }) {
      id
    }
  }
`);

interface RoleEventsProps {
  id: string;
  /** Asks the server for the role again: whatever happened to it may have changed it. */
  again(): void;
}

export function RoleEvents({ id, again: askForRole }: RoleEventsProps) {
  const words = useMessages().roles.events;
  const { data, error, again } = useAsk({ query: EventsQuery, variables: { id } });
  const report = useCallback(() => {
    again();
    askForRole();
  }, [again, askForRole]);
  useLive({ query: EventRecorded, variables: { id }, onReport: report, onConnected: report });
  return (
    <Section title={words.title} actions={<LinkButton href={`/event-log?subject=${encodeURIComponent(id)}`}>{words.all}</LinkButton>}>
      {error && <Failed error={error} retry={again} />}
      {!data && !error && <Loading />}
      {data?.events.nodes.length === 0 && <p className="quiet">{words.none}</p>}
      <ul className="rows">
        {data?.events.nodes.map((event) => (
          <EventRow key={event.id} event={event} />
        ))}
      </ul>
    </Section>
  );
}

function EventRow({ event: masked }: { event: FragmentType<typeof EventFragment> }) {
  const event = readFragment(EventFragment, masked);
  const { roles, eventActions } = useMessages();
  const words = roles.events;
  return (
    <li className="row-with-time">
      <div>
        <b>{event.action ? eventActions[event.action] : event.actionCode}</b> <span className="quiet">{words.by(event.actorLabel)}</span>
        {event.changes.map((change) => (
          <EventChange key={change.field} {...change} />
        ))}
      </div>
      <small className="quiet">
        <Time at={event.createdAt} />
      </small>
    </li>
  );
}

const codesIn = (value?: string | null) => (value ? value.split(", ") : []);

function EventChange({ field, before, after }: { field: string; before?: string | null; after?: string | null }) {
  const words = useMessages().roles.events;
  const { list } = usePermissionWords();
  const say = (value?: string | null) => (value ? (field === "isManaged" && words.values[value]) || value : "–");
  const names: Record<string, string> = words.fields;
  if (field === "permissions") {
    const { addPermissions, removePermissions } = difference(codesIn(before), new Set(codesIn(after)));
    return (
      <>
        {list(addPermissions).map((line) => (
          <small className="line quiet" key={`+${line}`}>
            + {line}
          </small>
        ))}
        {list(removePermissions).map((line) => (
          <small className="line quiet" key={`-${line}`}>
            − {line}
          </small>
        ))}
      </>
    );
  }
  return (
    <small className="line quiet" dir="auto">
      {names[field] ?? field}: {before ? `${say(before)} → ` : ""}
      {say(after)}
    </small>
  );
}
