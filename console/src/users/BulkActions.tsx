// What can be done to several people at once, and what has become of each of them.
import { useState } from "react";

import { useAsk } from "../ask";
import { useChange } from "../change";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { Dialog } from "../ui/Dialog";
import { Checkbox } from "../ui/fields";
import { useComplaints, type Refusal } from "../ui/form";
import { useNotice } from "../ui/notice";
import { AT_MOST } from "./limits";

const ResultFragment = graphql(`
  fragment BulkResult on ChangeUsersResult {
    id
    outcome
    userErrors {
      ...UserErrors
    }
  }
`);

const ActivateUsers = graphql(`
  mutation ActivateUsers($input: ActivateUsersInput!) {
    activateUsers(input: $input) {
      results {
        ...BulkResult
        user {
          id
          ...UserRow
        }
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const DeactivateUsers = graphql(`
  mutation DeactivateUsers($input: DeactivateUsersInput!) {
    deactivateUsers(input: $input) {
      results {
        ...BulkResult
        user {
          id
          ...UserRow
        }
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const DeleteUsers = graphql(`
  mutation DeleteUsers($input: DeleteUsersInput!) {
    deleteUsers(input: $input) {
      results {
        ...BulkResult
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const NamesQuery = graphql(`
  query NamesOfUsers($ids: [ID!]!) {
    nodes(ids: $ids) {
      id
      ... on User {
        __typename
        displayName
      }
    }
  }
`);

type Results = readonly FragmentType<typeof ResultFragment>[];

const NAMED_AT_MOST = 100;

export function BulkActions({ ids, onClear }: { ids: string[]; onClear(): void }) {
  const { users: words, common } = useMessages();
  const { may } = useSession();
  const tell = useNotice();
  const [action, setAction] = useState<"activate" | "deactivate" | "delete">();
  const [erase, setErase] = useState(false);
  const [results, setResults] = useState<Results>();
  const changes = { activate: useChange(ActivateUsers), deactivate: useChange(DeactivateUsers), delete: useChange(DeleteUsers) };

  const ask = (chosen: typeof action) => {
    setAction(chosen);
    // What was ticked for others says nothing about these.
    setErase(false);
  };
  const run = async (chosen: keyof typeof changes) => {
    const payload =
      chosen === "delete" ? await changes.delete.run({ input: { ids, erase } }) : await changes[chosen].run({ input: { ids } });
    if (!payload?.results) return;
    setAction(undefined);
    if (payload.results.every((result) => readFragment(ResultFragment, result).outcome === "DONE")) {
      tell(words.bulk.resultDone(payload.results.length));
      onClear();
    } else {
      setResults(payload.results);
    }
  };
  const tooMany = ids.length > AT_MOST && words.bulk.tooMany(AT_MOST);
  const why = (permission: string) => tooMany || (!may(permission) && common.needsPermission(permission));
  return (
    <div className="bulk" role="group" aria-label={common.selected(ids.length)}>
      <b role="status">{common.selected(ids.length)}</b>
      <div className="buttons">
        <Button why={why("users.update")} onPress={() => ask("activate")}>
          {words.actions.activate}
        </Button>
        <Button why={why("users.update")} onPress={() => ask("deactivate")}>
          {words.actions.deactivate}
        </Button>
        <Button why={why("users.delete")} onPress={() => ask("delete")}>
          {words.actions.delete}
        </Button>
        <Button look="plain" onPress={onClear}>
          {common.clearSelection}
        </Button>
      </div>
      {action && (
        <Confirm
          title={words.bulk[`${action}Title`](ids.length)}
          action={words.actions[action]}
          danger={action !== "activate"}
          change={changes[action]}
          onConfirm={() => void run(action)}
          onClose={() => setAction(undefined)}
        >
          <p>{words.bulk[action]}</p>
          <p className="quiet">{words.bulk.each}</p>
          {action === "delete" && may("email-queue.delete") && (
            <Checkbox isSelected={erase} onChange={setErase} hint={words.confirm.eraseHint}>
              {words.confirm.erase}
            </Checkbox>
          )}
        </Confirm>
      )}
      {results && (
        <BulkResults
          results={results}
          onClose={() => {
            setResults(undefined);
            onClear();
          }}
        />
      )}
    </div>
  );
}

/** Who could not be changed, and why. */
function BulkResults({ results, onClose }: { results: Results; onClose(): void }) {
  const { users: words, common } = useMessages();
  const all = results.map((result) => readFragment(ResultFragment, result));
  const failed = all.filter(({ outcome }) => outcome !== "DONE");
  const ids = failed.map(({ id }) => id).slice(0, NAMED_AT_MOST);
  const { data } = useAsk({ query: NamesQuery, variables: { ids } });
  const nameOf = (id: string) => {
    const node = data?.nodes.find((node) => node?.id === id);
    return node?.__typename === "User" ? node.displayName : id;
  };
  return (
    <Dialog title={words.bulk.resultTitle} isOpen onClose={onClose}>
      {all.length > failed.length && <p>{words.bulk.resultDone(all.length - failed.length)}</p>}
      <p>{words.bulk.resultNot(failed.length)}</p>
      <ul className="outcomes">
        {failed.map(({ id, outcome, userErrors }) => (
          <li key={id}>
            <b dir="auto">{nameOf(id)}</b> <OutcomeWords fallback={words.bulk.outcomes[outcome]} errors={userErrors} />
          </li>
        ))}
      </ul>
      <div className="buttons end">
        <Button look="primary" onPress={onClose}>
          {common.close}
        </Button>
      </div>
    </Dialog>
  );
}

function OutcomeWords({ fallback, errors }: { fallback: string; errors: Refusal }) {
  const complaints = useComplaints(errors);
  return <span className="quiet">{complaints.map(({ words }) => words).join(" ") || fallback}</span>;
}
