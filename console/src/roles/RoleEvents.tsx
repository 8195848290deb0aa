// The newest events about a role: who made and changed it, and how.
import { useAsk } from "../ask";
import { NewestEvents } from "../event-log/NewestEvents";
import { graphql } from "../graphql";
import { useMessages } from "../messages";

const EventsQuery = graphql(`
  query RoleEvents($id: ID!) {
    events(first: 5, filter: { subjectId: $id }) {
      nodes {
        id
        ...NewestEvent
      }
    }
  }
`);

interface RoleEventsProps {
  id: string;
  /** Asks the server for the role again. */
  again(): void;
}

export function RoleEvents({ id, again }: RoleEventsProps) {
  const { roles: words } = useMessages();
  const { data, ...answer } = useAsk({ query: EventsQuery, variables: { id } });
  return <NewestEvents id={id} events={data?.events.nodes} answer={answer} none={words.noEvents} again={again} />;
}
