// The list of roles: search, order, pages.
import { Link } from "wouter";

import { useAsk } from "../ask";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useFormat } from "../messages/format";
import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";
import { useSession } from "../session";
import { pageVariables, useAddress, useFirstPageInstead } from "../ui/address";
import { LinkButton } from "../ui/Button";
import { Filters, OneFilter } from "../ui/Filters";
import { Page } from "../ui/Page";
import { Pager } from "../ui/Pager";
import { Empty, Failed, Loading } from "../ui/states";
import { Table, useSort, type Column } from "../ui/Table";
import { Time } from "../ui/Time";
import { useCatalogue } from "./permissions";
import { RoleKind } from "./RoleKind";

// How many hold a role is told to those who may see users; who may not is not to ask.
const RowFragment = graphql(`
  fragment RoleRow on Role {
    id
    name
    codeName
    description
    isProtected
    permissions
    updatedAt
    userCount @include(if: $seesUsers)
    ...RoleKind
  }
`);

const RolesQuery = graphql(`
  query Roles($filter: RoleFilter, $orderBy: RoleOrder, $first: Int, $after: String, $last: Int, $before: String, $seesUsers: Boolean!) {
    roles(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes {
        id
        ...RoleRow
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

const SORTED_BY = ["NAME", "UPDATED_AT"] as const;
const FILTERS = ["search", "grants"];

export function RoleList() {
  const { roles: words, common } = useMessages();
  const { may } = useSession();
  const address = useAddress();
  const columns = useColumns();
  const { application, action } = usePermissionWords();
  const { sort, onSort } = useSort(address, SORTED_BY, { field: "NAME", direction: "ASC" });

  const catalogue = useCatalogue();
  const permissions = catalogue.data?.applications.flatMap(({ code, permissions }) =>
    permissions.map((permission) => ({ value: permission.code, label: `${application(code)}: ${action(permission.code)}` })),
  );
  const permission = address.one("grants", permissions?.map(({ value }) => value) ?? []);
  const { data, error, busy, again } = useAsk({
    query: RolesQuery,
    variables: {
      filter: { search: address.get("search"), permission },
      orderBy: sort,
      ...pageVariables(address),
      seesUsers: may("users.view"),
    },
    // Without the catalogue, a permission in the address could not be told from a typo.
    pause: address.has("grants") && !permissions && !catalogue.error,
  });
  useFirstPageInstead(address, error);
  const found = data?.roles;
  return (
    <Page
      title={words.title}
      actions={
        <LinkButton href="/roles/new" look="primary" icon="plus" why={!may("roles.create") && common.needsPermission("roles.create")}>
          {words.newRole}
        </LinkButton>
      }
    >
      <Filters address={address} names={FILTERS} search={words.searchFor}>
        <OneFilter address={address} name="grants" label={words.grants} options={permissions ?? []} />
      </Filters>
      {error && <Failed error={error} retry={again} />}
      {!found && !error && <Loading />}
      {found?.nodes.length === 0 && <Empty title={address.has(...FILTERS) ? words.noneMatches : words.none} />}
      {found && found.nodes.length > 0 && (
        <Table
          label={words.title}
          columns={columns}
          rows={found.nodes as Row[]}
          idOf={({ id }) => id}
          sort={sort}
          onSort={onSort}
          busy={busy}
        />
      )}
      {found && <Pager address={address} info={found.pageInfo} total={words.count(found.totalCount)} />}
    </Page>
  );
}

function useColumns(): Column<Row, (typeof SORTED_BY)[number]>[] {
  const { roles: words, permissions } = useMessages();
  const { number } = useFormat();
  const { list } = usePermissionWords();
  const read = (row: Row) => readFragment(RowFragment, row);
  const grants = (row: Row) => {
    const { isProtected, permissions: codes } = read(row);
    if (isProtected) return words.everything;
    const lines = list(codes);
    if (lines.length === 0) return <span className="quiet">{permissions.nothing}</span>;
    return lines.map((line) => (
      <span className="line" key={line}>
        {line}
      </span>
    ));
  };
  return [
    {
      id: "name",
      title: words.name,
      sort: "NAME",
      isHead: true,
      cell: (row) => {
        const { name, description } = read(row);
        return (
          <>
            <span className="role-name">
              <Link className="row-link" href={`/roles/${encodeURIComponent(row.id)}`} dir="auto">
                {name}
              </Link>
              <RoleKind role={read(row)} />
            </span>
            {description && (
              <small className="line quiet" dir="auto">
                {description}
              </small>
            )}
          </>
        );
      },
    },
    { id: "code", title: words.codeName, cell: (row) => <code>{read(row).codeName}</code> },
    { id: "grants", title: words.grants, cell: grants },
    {
      id: "holders",
      title: words.holders,
      cell: (row) => {
        const { userCount } = read(row);
        return userCount == null ? <span className="quiet">{words.holdersHidden}</span> : number(userCount);
      },
    },
    { id: "updated", title: words.updatedAt, sort: "UPDATED_AT", cell: (row) => <Time at={read(row).updatedAt} /> },
  ];
}
