// Who holds a role: found, added, removed.
import { useState } from "react";
import { Link } from "wouter";

import { useAsk } from "../ask";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { pageVariables, useAddress, useFirstPageInstead } from "../ui/address";
import { Button } from "../ui/Button";
import { SearchFilter } from "../ui/Filters";
import { useFocusAfterDialog } from "../ui/focus";
import { Section } from "../ui/Page";
import { Pager } from "../ui/Pager";
import { Failed, Loading, NotAllowed } from "../ui/states";
import { UserState } from "../users/state";
import { AddHolders } from "./AddHolders";
import { ChangeHolder } from "./ChangeHolder";
import { useHolderWhy } from "./holder";
import { useRoleWhy } from "./why";

const HoldersFragment = graphql(`
  fragment RoleHolders on Role {
    id
    name
    ...RoleReasons
  }
`);

const HolderFragment = graphql(`
  fragment Holder on User {
    id
    displayName
    email
    status
    invitation {
      id
      status
    }
    ...HolderReasons
  }
`);

const HoldersQuery = graphql(`
  query Holders($filter: UserFilter, $first: Int, $after: String, $last: Int, $before: String) {
    users(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes {
        id
        ...Holder
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

const PAGE = 20;

interface RoleHoldersProps {
  role: FragmentType<typeof HoldersFragment>;
}

export function RoleHolders({ role: masked }: RoleHoldersProps) {
  const role = readFragment(HoldersFragment, masked);
  const words = useMessages().roles.holder;
  const { may } = useSession();
  const why = useRoleWhy(role);
  const [isAdding, setAdding] = useState(false);
  if (!may("users.view")) {
    return (
      <Section title={words.title}>
        <NotAllowed permission="users.view" />
      </Section>
    );
  }
  return (
    <Section
      title={words.title}
      actions={
        <Button icon={isAdding ? undefined : "plus"} why={why.assign()} onPress={() => setAdding(!isAdding)}>
          {isAdding ? words.addingDone : words.add}
        </Button>
      }
    >
      <Holders role={role} isAdding={isAdding} />
    </Section>
  );
}

function Holders({ role, isAdding }: { role: { id: string; name: string }; isAdding: boolean }) {
  const { roles, users } = useMessages();
  const words = roles.holder;
  const address = useAddress();
  const [leaving, setLeaving] = useState<{ id: string; displayName: string }>();
  // Whoever is removed takes the button along that had the focus.
  const place = useFocusAfterDialog<HTMLDivElement>(Boolean(leaving));
  const { data, error, again } = useAsk({
    query: HoldersQuery,
    variables: { filter: { roleIds: [role.id], search: address.get("search") }, ...pageVariables(address, PAGE) },
  });
  useFirstPageInstead(address, error);
  const found = data?.users;
  const isSearched = address.has("search");
  return (
    <>
      {isAdding && <AddHolders role={role} onAdded={again} />}
      <div ref={place.ref} tabIndex={-1} className="holders" role="group" aria-label={words.title}>
        {found && (isSearched || found.totalCount > PAGE) && <SearchFilter address={address} label={users.searchFor} />}
        {error && <Failed error={error} retry={again} />}
        {!found && !error && <Loading />}
        {found?.nodes.length === 0 && <p className="quiet">{isSearched ? users.nobodyMatches : words.nobody}</p>}
        <ul className="rows">
          {found?.nodes.map((user) => (
            <HolderRow key={user.id} user={user} onRemove={setLeaving} />
          ))}
        </ul>
        {found && found.nodes.length > 0 && <Pager address={address} info={found.pageInfo} total={users.people(found.totalCount)} />}
      </div>
      {leaving && (
        <ChangeHolder
          kind="remove"
          role={role}
          user={leaving}
          onDone={() => {
            again();
            place.done();
          }}
          onClose={() => setLeaving(undefined)}
        />
      )}
    </>
  );
}

interface HolderRowProps {
  user: FragmentType<typeof HolderFragment>;
  onRemove(user: { id: string; displayName: string }): void;
}

function HolderRow({ user: masked, onRemove }: HolderRowProps) {
  const user = readFragment(HolderFragment, masked);
  const words = useMessages().roles.holder;
  const why = useHolderWhy(user);
  return (
    <li className="row-with-button">
      <div>
        <Link href={`/users/${encodeURIComponent(user.id)}`} dir="auto">
          {user.displayName}
        </Link>{" "}
        {user.status !== "ACTIVE" && <UserState status={user.status} invitation={user.invitation?.status} />}
        {user.email !== user.displayName && <small className="line quiet">{user.email}</small>}
      </div>
      <Button look="plain" label={words.removeOne(user.displayName)} why={why} onPress={() => onRemove(user)}>
        {words.remove}
      </Button>
    </li>
  );
}
