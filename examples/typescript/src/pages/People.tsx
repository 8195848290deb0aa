import { useEffect, useState } from "react";
import { useQuery } from "urql";

import { ErrorMessage } from "../errors";
import { graphql, readFragment, type FragmentType } from "../gql";

const PersonFragment = graphql(`
  fragment Person on User {
    displayName
    email
    status
    roles {
      id
      name
    }
  }
`);

const PeopleQuery = graphql(`
  query People($search: String, $first: Int, $after: String, $last: Int, $before: String) {
    users(filter: { search: $search }, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes {
        id
        ...Person
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

const PAGE = 5;

/** A page of the list: the one after a cursor, or the one before it. */
type Position = { first: number; after?: string | null } | { last: number; before?: string | null };

const FIRST: Position = { first: PAGE };

export function People() {
  const [search, setSearch] = useState("");
  const searched = useSettled(search.trim());
  const [{ of, position }, setPage] = useState<{ of: string; position: Position }>({ of: "", position: FIRST });
  const setPosition = (position: Position) => setPage({ of: searched, position });
  // Another search makes urql abort the one before; what it would have answered is never shown.
  const [{ data, error, fetching }, ask] = useQuery({
    query: PeopleQuery,
    variables: { search: searched || undefined, ...(of === searched ? position : FIRST) },
  });

  const users = data?.users;
  const page = users?.pageInfo;
  return (
    <>
      <div className="field" role="search">
        <label htmlFor="search">Search by name or address</label>
        <input id="search" type="search" maxLength={200} value={search} onChange={(event) => setSearch(event.target.value)} />
      </div>
      <ErrorMessage error={error} retry={() => ask({ requestPolicy: "network-only" })} />
      <p role="status">{users && !fetching && (users.totalCount === 1 ? "1 person" : `${users.totalCount} people`)}</p>
      <table aria-busy={fetching}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">E-mail address</th>
            <th scope="col">State</th>
            <th scope="col">Roles</th>
          </tr>
        </thead>
        <tbody>{users?.nodes.map((user) => <Person key={user.id} user={user} />)}</tbody>
      </table>
      <nav aria-label="Pages of the list">
        <button type="button" disabled={!page?.hasPreviousPage} onClick={() => setPosition({ last: PAGE, before: page?.startCursor })}>
          Previous
        </button>
        <button type="button" disabled={!page?.hasNextPage} onClick={() => setPosition({ first: PAGE, after: page?.endCursor })}>
          Next
        </button>
      </nav>
    </>
  );
}

const STATUS = { INVITED: "invited", ACTIVE: "active", DEACTIVATED: "deactivated" };

function Person({ user }: { user: FragmentType<typeof PersonFragment> }) {
  const { displayName, email, status, roles } = readFragment(PersonFragment, user);
  return (
    <tr>
      <th scope="row">{displayName}</th>
      <td>{email}</td>
      <td>{STATUS[status]}</td>
      <td>{roles.map(({ name }) => name).join(", ")}</td>
    </tr>
  );
}

/** The value once it has stayed the same for a moment: nobody wants an answer for each letter. */
function useSettled<Value>(value: Value, milliseconds = 250): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}
