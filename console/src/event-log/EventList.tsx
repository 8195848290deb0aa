// Who did what to whom, the newest first, and live.
import { useCallback, useEffect, useRef, useState } from "react";

import { useAsk } from "../ask";
import type { EventAction } from "../gql/graphql";
import { graphql } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { pageVariables, useAddress } from "../ui/address";
import { Button } from "../ui/Button";
import { DayFilter, Filters, MultiFilter, OneFilter, SearchFilter } from "../ui/Filters";
import { Page } from "../ui/Page";
import { Pager } from "../ui/Pager";
import { Empty, Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { useEventColumns, type EventRow } from "./columns";
import { ACTOR_KINDS, FILTERS, useEventFilter } from "./filter";

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
  const isFirstPage = !address.has("after", "before");
  const unseen = useUnseen(isFirstPage, again);
  useLive({ query: EventRecorded, variables: { filter }, onReport: unseen.add, onConnected: again });
  const showUnseen = () => {
    unseen.clear();
    if (isFirstPage) again();
    else address.change({});
    scrollTo({ top: 0 });
  };

  const columns = useEventColumns();
  const actions = Object.entries(eventActions).map(([value, label]) => ({ value: value as EventAction, label }));
  const found = data?.events;
  return (
    <Page title={words.title}>
      <Filters address={address} names={FILTERS}>
        <SearchFilter address={address} label={words.searchFor} />
        <MultiFilter address={address} name="action" label={words.action} options={actions} />
        <OneFilter address={address} name="by" label={words.actorKind} options={ACTOR_KINDS.map((value) => ({ value, label: words.actorKinds[value] }))} />
        <DayFilter address={address} name="from" label={words.from} />
        <DayFilter address={address} name="to" label={words.to} />
      </Filters>
      {address.has("actor", "subject") && <p className="quiet">{words.oneOnly}</p>}
      <div role="status">{unseen.count > 0 && <Button icon="up" onPress={showUnseen}>{words.unseen(unseen.count)}</Button>}</div>
      {error && <Failed error={error} retry={again} />}
      {!found && !error && <Loading />}
      {found?.nodes.length === 0 && <Empty title={address.has(...FILTERS) ? words.nothingMatches : words.nothing} />}
      {found && found.nodes.length > 0 && (
        <Table label={words.title} columns={columns} rows={found.nodes as EventRow[]} idOf={({ id }) => id} busy={busy} />
      )}
      {found && <Pager address={address} info={found.pageInfo} total={words.events(found.totalCount)} />}
    </Page>
  );
}

/** Whoever has read on so far must not lose their place. */
const NEAR_THE_TOP = 100;

/** Several events are often recorded together. */
const TOGETHER_MS = 300;

/** What was recorded since: shown at once to those who are at the top of the list, and counted for the others. */
function useUnseen(isFirstPage: boolean, again: () => void) {
  const [count, setCount] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const add = useCallback(() => {
    if (!isFirstPage || scrollY > NEAR_THE_TOP) return setCount((count) => count + 1);
    clearTimeout(timer.current);
    timer.current = setTimeout(again, TOGETHER_MS);
  }, [isFirstPage, again]);
  const clear = useCallback(() => setCount(0), []);
  return { count, add, clear };
}
