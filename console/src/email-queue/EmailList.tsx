// The list of e-mails, live: filters, order, pages, and what can be done to several at once.
import { useRef, useState } from "react";
import { Link } from "wouter";

import { useAsk } from "../ask";
import type { EmailChangeKind } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useLive } from "../live";
import { useMessages } from "../messages";
import { pageVariables, useAddress, useFirstPageInstead } from "../ui/address";
import { Filters, MultiFilter } from "../ui/Filters";
import { Page } from "../ui/Page";
import { Pager } from "../ui/Pager";
import { Empty, Failed, Loading } from "../ui/states";
import { Table, useSort, type Column } from "../ui/Table";
import { Time } from "../ui/Time";
import { Unseen, useUnseen } from "../ui/unseen";
import { BulkActions } from "./BulkActions";
import { FILTERS, useEmailFilter } from "./filter";
import { QueueState } from "./QueueState";
import { EMAIL_KINDS, EMAIL_STATUSES, EmailState } from "./state";

const RowFragment = graphql(`
  fragment EmailRow on Email {
    id
    to
    subject
    status
    attemptCount
    createdAt
    sentAt
    nextAttemptAt
    lastError
  }
`);

const EmailsQuery = graphql(`
  query Emails($filter: EmailFilter, $orderBy: EmailOrder, $first: Int, $after: String, $last: Int, $before: String) {
    emails(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes {
        id
        ...EmailRow
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

// An e-mail that is in the list is changed there, by its ID: without the list's filter, which it may match no longer.
const EmailChanged = graphql(`
  subscription EmailChanged {
    emailChanged {
      kind
      emailId
      email {
        id
        ...EmailRow
      }
    }
  }
`);

// One that comes to match the list's filter: it is new, or in another state than before.
const EmailMatches = graphql(`
  subscription EmailMatches($filter: EmailFilter) {
    emailChanged(filter: $filter) {
      kind
      emailId
    }
  }
`);

type Row = FragmentType<typeof RowFragment> & { id: string };

const SORTED_BY = ["CREATED_AT", "SENT_AT", "NEXT_ATTEMPT_AT"] as const;

export function EmailList() {
  const { emailQueue: words } = useMessages();
  const address = useAddress();
  const { sort, onSort } = useSort(address, SORTED_BY, { field: "CREATED_AT", direction: "DESC" });
  const results = useRef<HTMLDivElement>(null);
  const filter = useEmailFilter(address);
  const { chosen, choose, chooseAll } = useChosen(JSON.stringify(filter));
  // What had the focus goes with the selection. A dialog that is being closed keeps it until it is gone.
  const clear = () => {
    choose(new Set());
    setTimeout(() => results.current?.focus({ preventScroll: true }));
  };
  // Older ones change on other pages of the list all the time. Where only some states are shown, they come into it.
  const hasCome = (kind: EmailChangeKind) => kind === "QUEUED" || filter.statuses !== undefined;
  const { data, error, busy, again } = useAsk({ query: EmailsQuery, variables: { filter, orderBy: sort, ...pageVariables(address) } });
  const unseen = useUnseen(address, { of: { filter, sort }, again });
  const found = data?.emails;
  const isShown = (id: string) => found?.nodes.some((email) => email.id === id);
  useLive({
    query: EmailChanged,
    variables: {},
    onReport: ({ emailChanged: { kind, emailId } }) => kind === "DELETED" && isShown(emailId) && unseen.refresh(),
    onConnected: again,
  });
  useLive({
    query: EmailMatches,
    variables: { filter },
    onReport: ({ emailChanged: { kind, emailId } }) => kind !== "DELETED" && !isShown(emailId) && hasCome(kind) && unseen.add(),
  });
  useFirstPageInstead(address, error);

  return (
    <Page title={words.title}>
      <QueueState />
      <Filters address={address} names={FILTERS} search={words.searchFor}>
        <MultiFilter
          address={address}
          name="state"
          label={words.state}
          options={EMAIL_STATUSES.map((value) => ({ value, label: words.states[value] }))}
        />
        <MultiFilter
          address={address}
          name="kind"
          label={words.kind}
          options={EMAIL_KINDS.map((value) => ({ value, label: words.kinds[value] }))}
        />
      </Filters>
      <Unseen unseen={unseen}>{words.unseen}</Unseen>
      {chosen.ids.size > 0 && found && (
        <BulkActions
          ids={[...chosen.ids]}
          filter={filter}
          matching={found.totalCount}
          isAll={chosen.isAll}
          onAll={chooseAll}
          onClear={clear}
        />
      )}
      {error && <Failed error={error} retry={again} />}
      {!found && !error && <Loading />}
      {found?.nodes.length === 0 && <Empty title={address.has(...FILTERS) ? words.nothingMatches : words.nothing} />}
      <div ref={results} tabIndex={-1} className="results">
        {found && found.nodes.length > 0 && (
          <Table
            label={words.title}
            columns={columns(words)}
            rows={found.nodes as Row[]}
            idOf={({ id }) => id}
            nameOf={(row) => `${readFragment(RowFragment, row).to.join(", ")}, ${readFragment(RowFragment, row).subject}`}
            sort={sort}
            onSort={onSort}
            selection={{ ...chosen, onChange: choose }}
            busy={busy}
          />
        )}
      </div>
      {found && <Pager address={address} info={found.pageInfo} total={words.emails(found.totalCount)} busy={busy} />}
    </Page>
  );
}

interface Chosen {
  ids: ReadonlySet<string>;
  /** Whether all that match the filter are, until one of them is taken out. */
  isAll: boolean;
  filter: string;
}

/** Those that are chosen, on one page or several. With another filter, nothing is: nobody sees what was. */
function useChosen(filter: string) {
  const none: Chosen = { ids: new Set(), isAll: false, filter };
  const [chosen, setChosen] = useState(none);
  if (chosen.filter !== filter) setChosen(none);
  const choose = (ids: ReadonlySet<string>) => setChosen({ ids, isAll: false, filter });
  const chooseAll = () => setChosen({ ...chosen, isAll: true });
  return { chosen, choose, chooseAll };
}

function columns(words: ReturnType<typeof useMessages>["emailQueue"]): Column<Row, (typeof SORTED_BY)[number]>[] {
  const read = (row: Row) => readFragment(RowFragment, row);
  return [
    { id: "to", title: words.to, cell: (row) => <span className="email-to copyable">{read(row).to.join(", ")}</span> },
    {
      id: "subject",
      title: words.subject,
      isHead: true,
      cell: (row) => (
        <Link className="row-link" href={`/email-queue/${encodeURIComponent(row.id)}`} dir="auto">
          {read(row).subject}
        </Link>
      ),
    },
    {
      id: "state",
      title: words.state,
      cell: (row) => (
        <>
          <EmailState status={read(row).status} />
          {read(row).lastError && <small className="quiet line last-error">{read(row).lastError}</small>}
        </>
      ),
    },
    { id: "attempts", title: words.attempts, cell: (row) => read(row).attemptCount },
    { id: "created", title: words.createdAt, sort: "CREATED_AT", cell: (row) => <When at={read(row).createdAt} /> },
    { id: "next", title: words.nextAttemptAt, sort: "NEXT_ATTEMPT_AT", cell: (row) => <When at={read(row).nextAttemptAt} /> },
    { id: "sent", title: words.sentAt, sort: "SENT_AT", cell: (row) => <When at={read(row).sentAt} /> },
  ];
}

function When({ at }: { at?: string | null }) {
  return (
    at && (
      <span className="nowrap">
        <Time at={at} />
      </span>
    )
  );
}
