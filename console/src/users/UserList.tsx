// The list of users: filters, order, pages, and what can be done to several at once.
import { useRef, useState } from "react";
import { Link } from "wouter";

import { useAsk } from "../ask";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages, type Messages } from "../messages";
import { useSession } from "../session";
import { pageVariables, useAddress, useFirstPageInstead } from "../ui/address";
import { LinkButton } from "../ui/Button";
import { Filters, MultiFilter, OneFilter } from "../ui/Filters";
import { Page } from "../ui/Page";
import { Pager } from "../ui/Pager";
import { Empty, Failed, Loading } from "../ui/states";
import { Table, useSort, type Column } from "../ui/Table";
import { Time } from "../ui/Time";
import { BulkActions, type ChosenPerson } from "./BulkActions";
import { FILTERS, SIGNED_IN, useUserFilter } from "./filter";
import { RoleFilter } from "./RoleFilter";
import { useRoleNames } from "./roleNames";
import { INVITATION_STATUSES, USER_STATUSES, UserState } from "./state";

const RowFragment = graphql(`
  fragment UserRow on User {
    id
    displayName
    email
    status
    lastSignedInAt
    roles {
      id
      name
    }
    invitation {
      id
      status
    }
  }
`);

const UsersQuery = graphql(`
  query Users($filter: UserFilter, $orderBy: UserOrder, $first: Int, $after: String, $last: Int, $before: String) {
    users(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes {
        id
        ...UserRow
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

type Row = FragmentType<typeof RowFragment> & { id: string };

/** By their IDs. Whoever was chosen on another page is not in this one's rows. */
type Chosen = ReadonlyMap<string, ChosenPerson>;

const NOBODY: Chosen = new Map();

const SORTED_BY = ["NAME", "EMAIL", "STATUS", "LAST_SIGNED_IN_AT"] as const;

export function UserList() {
  const { users: words, common } = useMessages();
  const { may } = useSession();
  const address = useAddress();
  const { sort, onSort } = useSort(address, SORTED_BY, { field: "NAME", direction: "ASC" });
  const results = useRef<HTMLDivElement>(null);

  const roles = useRoleNames();
  const filter = useUserFilter(address, roles?.map(({ id }) => id) ?? []);
  // Without the roles, a role in the address could not be told from a typo.
  const isWaiting = address.has("role") && may("roles.view") && !roles;
  const { data, error, busy, again } = useAsk({
    query: UsersQuery,
    variables: { filter, orderBy: sort, ...pageVariables(address) },
    pause: isWaiting,
  });
  useFirstPageInstead(address, error);
  const found = data?.users;

  // Who was chosen stays so on all pages of one list: in another one, they would be out of sight.
  const list = JSON.stringify(filter);
  const [chosen, setChosen] = useState(NOBODY);
  const [chosenIn, setChosenIn] = useState(list);
  if (chosenIn !== list) {
    setChosenIn(list);
    setChosen(NOBODY);
  }
  // What had the focus goes with the selection. A dialog that is being closed keeps it until it is gone.
  const clear = () => {
    setChosen(NOBODY);
    setTimeout(() => results.current?.focus({ preventScroll: true }));
  };
  const choose = (ids: ReadonlySet<string>) => {
    const shown = new Map(found?.nodes.map((row) => [row.id, { ...readFragment(RowFragment, row) }]));
    const all = new Map<string, ChosenPerson>([...chosen, ...shown]);
    setChosen(new Map([...all].filter(([id]) => ids.has(id))));
  };

  const create = !may("users.create") && common.needsPermission("users.create");
  return (
    <Page
      title={words.title}
      actions={
        <>
          <LinkButton href="/users/import" why={create}>
            {words.several}
          </LinkButton>
          <LinkButton href="/users/new" look="primary" icon="plus" why={create}>
            {words.newUser}
          </LinkButton>
        </>
      }
    >
      <Filters address={address} names={FILTERS} search={words.searchFor}>
        <MultiFilter
          address={address}
          name="state"
          label={words.state}
          options={USER_STATUSES.map((value) => ({ value, label: words.states[value] }))}
        />
        {may("roles.view") && <RoleFilter address={address} roles={roles ?? []} />}
        <MultiFilter
          address={address}
          name="invitation"
          label={words.invitationState}
          options={INVITATION_STATUSES.map((value) => ({ value, label: words.invitationStates[value] }))}
        />
        <OneFilter
          address={address}
          name="signed-in"
          label={words.lastSignIn}
          options={SIGNED_IN.map((value) => ({ value, label: words.signedIn[value] }))}
        />
      </Filters>
      {chosen.size > 0 && (
        <BulkActions
          people={[...chosen.values()]}
          onClear={() => {
            clear();
            // What was done to invitations changes which people match a filter.
            again();
          }}
        />
      )}
      {error && <Failed error={error} retry={again} />}
      {!found && !error && <Loading />}
      {found?.nodes.length === 0 && <Empty title={address.has(...FILTERS) ? words.nobodyMatches : words.nobody} />}
      <div ref={results} tabIndex={-1} className="results">
        {found && found.nodes.length > 0 && (
          <Table
            label={words.title}
            columns={columns(words)}
            rows={found.nodes as Row[]}
            idOf={({ id }) => id}
            nameOf={(row) => readFragment(RowFragment, row).displayName}
            sort={sort}
            onSort={onSort}
            selection={{ ids: new Set(chosen.keys()), onChange: choose }}
            busy={busy}
          />
        )}
      </div>
      {found && <Pager address={address} info={found.pageInfo} total={words.people(found.totalCount)} />}
    </Page>
  );
}

function columns(words: Messages["users"]): Column<Row, (typeof SORTED_BY)[number]>[] {
  const read = (row: Row) => readFragment(RowFragment, row);
  return [
    {
      id: "name",
      title: words.name,
      sort: "NAME",
      isHead: true,
      cell: (row) => (
        <Link className="row-link" href={`/users/${encodeURIComponent(row.id)}`} dir="auto">
          {read(row).displayName}
        </Link>
      ),
    },
    { id: "email", title: words.email, sort: "EMAIL", cell: (row) => read(row).email },
    {
      id: "state",
      title: words.state,
      sort: "STATUS",
      cell: (row) => <UserState status={read(row).status} invitation={read(row).invitation?.status} />,
    },
    {
      id: "roles",
      title: words.roles,
      cell: (row) => (
        <span dir="auto">
          {read(row)
            .roles.map(({ name }) => name)
            .join(", ")}
        </span>
      ),
    },
    {
      id: "signed-in",
      title: words.lastSignIn,
      sort: "LAST_SIGNED_IN_AT",
      cell: (row) => {
        const { lastSignedInAt } = read(row);
        return lastSignedInAt ? <Time at={lastSignedInAt} /> : <span className="quiet">{words.signedIn.never}</span>;
      },
    },
  ];
}
