// The newest events about a person: what they did, and what was done to them.
import { useAsk } from "../ask";
import { NewestEvents } from "../event-log/NewestEvents";
import { graphql } from "../graphql";
import { useMessages } from "../messages";

const EventsQuery = graphql(`
  query UserEvents($id: ID!) {
    user(id: $id) {
      id
      events(first: 10) {
        nodes {
          id
          ...NewestEvent
        }
      }
    }
  }
`);

interface UserEventsProps {
  id: string;
  /** Asks the server for the person again. */
  again(): void;
}

export function UserEvents({ id, again }: UserEventsProps) {
  const { users: words } = useMessages();
  const { data, ...answer } = useAsk({ query: EventsQuery, variables: { id } });
  return <NewestEvents id={id} isPerson events={data?.user?.events?.nodes} answer={answer} none={words.person.eventsNone} again={again} />;
}
