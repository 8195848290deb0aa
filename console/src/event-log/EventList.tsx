// Who did what to whom, the newest first, and live.
import { useAsk } from "../ask";
import { graphql } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { pageVariables, useAddress, useFirstPageInstead } from "../ui/address";
import { DayFilter, Filters, MultiFilter, OneFilter } from "../ui/Filters";
import { Page } from "../ui/Page";
import { Pager } from "../ui/Pager";
import { Empty, Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { Unseen, useUnseen } from "../ui/unseen";
import { readEvent, useEventColumns, type EventRow } from "./columns";
import { ACTOR_KINDS, FILTERS, useEventFilter } from "./filter";
import { GROUP_OF, GROUPED_ACTIONS } from "./groups";
import { ThingFilter } from "./ThingFilter";

const EventsQuery = graphql(`
  query Events($filter: EventFilter, $first: Int, $after: String, $last: Int, $before: String) {
    events(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes {
        id
        ...EventRow
      }
      pageInfo {
        hasPreviousPage
        hasNextPage
        startCursor
        endCursor
      }
    }
  }
`);

const EventRecorded = graphql(`
  subscription EventRecorded($filter: EventFilter) {
    eventRecorded(filter: $filter) {
      id
    }
  }
`);

export function EventList() {
  const { eventLog: words, eventActions } = useMessages();
  const address = useAddress();
  const filter = useEventFilter(address);
  const { data, error, busy, again } = useAsk({ query: EventsQuery, variables: { filter, ...pageVariables(address) } });
  const unseen = useUnseen(address, { of: filter, again });
  useLive({ query: EventRecorded, variables: { filter }, onReport: unseen.add, onConnected: again });

  useFirstPageInstead(address, error);

  const found = data?.events;
  const rows = (found?.nodes ?? []) as EventRow[];
  const columns = useEventColumns(rows);
  const actions = GROUPED_ACTIONS.map((value) => ({ value, label: eventActions[value], group: words.groups[GROUP_OF[value]] }));
  const kinds = ACTOR_KINDS.map((value) => ({ value, label: words.actorKinds[value] }));
  const actorLabel = (id: string) => rows.map(readEvent).find(({ actorId }) => actorId === id)?.actorLabel;
  const subjectLabel = (id: string) => rows.map(readEvent).find(({ subjectId }) => subjectId === id)?.subjectLabel;
  return (
    <Page title={words.title}>
      <Filters address={address} names={FILTERS} search={words.searchFor}>
        <ThingFilter address={address} name="actor" label={words.actorFilter} labelOf={actorLabel} />
        <MultiFilter address={address} name="action" label={words.action} options={actions} />
        <ThingFilter address={address} name="subject" label={words.subject} withRoles labelOf={subjectLabel} />
        <OneFilter address={address} name="by" label={words.actorKind} options={kinds} />
        <DayFilter address={address} name="from" label={words.from} />
        <DayFilter address={address} name="to" label={words.to} />
      </Filters>
      <Unseen unseen={unseen}>{words.unseen}</Unseen>
      {error && <Failed error={error} retry={again} />}
      {!found && !error && <Loading />}
      {found?.nodes.length === 0 && <Empty title={address.has(...FILTERS) ? words.nothingMatches : words.nothing} />}
      {found && found.nodes.length > 0 && <Table label={words.title} columns={columns} rows={rows} idOf={({ id }) => id} busy={busy} />}
      {found && <Pager address={address} info={found.pageInfo} total={words.events(found.totalCount)} busy={busy} />}
    </Page>
  );
}
