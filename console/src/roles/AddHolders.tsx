// Finds people as one types, and gives them the role.
import { useEffect, useState } from "react";
import { Input, SearchField } from "react-aria-components";

import { useAsk } from "../ask";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { Button } from "../ui/Button";
import { useFocusAfterDialog } from "../ui/focus";
import { Icon } from "../ui/Icon";
import { Failed } from "../ui/states";
import { UserState } from "../users/state";
import { ChangeHolder } from "./ChangeHolder";
import { useHolderWhy } from "./holder";

const CandidateFragment = graphql(`
  fragment Candidate on User {
    id
    displayName
    email
    status
    roles {
      id
    }
    ...HolderReasons
  }
`);

const CandidatesQuery = graphql(`
  query Candidates($search: String!) {
    users(first: 8, filter: { search: $search }) {
      totalCount
      nodes {
        id
        ...Candidate
      }
    }
  }
`);

interface AddHoldersProps {
  role: { id: string; name: string };
  onAdded(): void;
}

export function AddHolders({ role, onAdded }: AddHoldersProps) {
  const { roles, users } = useMessages();
  const words = roles.holder;
  const [typed, setTyped] = useState("");
  const search = useSettled(typed.trim());
  const [candidate, setCandidate] = useState<{ id: string; displayName: string }>();
  // Whoever is added has a button no more. The next one is searched for.
  const field = useFocusAfterDialog<HTMLInputElement>(Boolean(candidate));
  const { data, error, again } = useAsk({ query: CandidatesQuery, variables: { search }, pause: !search });
  const found = search ? data?.users : undefined;
  return (
    <div className="add-holders">
      <SearchField className="search" aria-label={words.addSearch} value={typed} onChange={setTyped} maxLength={200} autoFocus>
        <Icon name="search" />
        <Input ref={field.ref} placeholder={words.addSearch} />
      </SearchField>
      {search && error && <Failed error={error} retry={again} />}
      <p role="status" className="quiet">
        {!search
          ? words.addHint
          : found && (found.totalCount === 0 ? users.nobodyMatches : words.found(found.totalCount, found.nodes.length))}
      </p>
      <ul className="rows">
        {found?.nodes.map((user) => (
          <CandidateRow key={user.id} user={user} roleId={role.id} onAdd={setCandidate} />
        ))}
      </ul>
      {candidate && (
        <ChangeHolder
          kind="add"
          role={role}
          user={candidate}
          onDone={() => {
            onAdded();
            field.done();
          }}
          onClose={() => setCandidate(undefined)}
        />
      )}
    </div>
  );
}

interface CandidateRowProps {
  user: FragmentType<typeof CandidateFragment>;
  roleId: string;
  onAdd(user: { id: string; displayName: string }): void;
}

function CandidateRow({ user: masked, roleId, onAdd }: CandidateRowProps) {
  const user = readFragment(CandidateFragment, masked);
  const words = useMessages().roles.holder;
  const why = useHolderWhy(user);
  const holds = user.roles.some(({ id }) => id === roleId);
  return (
    <li className="row-with-button">
      <div>
        <span dir="auto">{user.displayName}</span> {user.status !== "ACTIVE" && <UserState status={user.status} />}
        {user.email !== user.displayName && <small className="line quiet">{user.email}</small>}
      </div>
      {holds ? (
        <small className="quiet">{words.holdsAlready}</small>
      ) : (
        <Button look="plain" label={words.addOne(user.displayName)} why={why} onPress={() => onAdd(user)}>
          {words.adding.action}
        </Button>
      )}
    </li>
  );
}

/** What is typed, once it has stayed the same for a moment. */
function useSettled(text: string, milliseconds = 200): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), milliseconds);
    return () => clearTimeout(timer);
  }, [text, milliseconds]);
  return settled;
}
