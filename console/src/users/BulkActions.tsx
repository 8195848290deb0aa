// What can be done to several people at once, and what has become of each of them.
import { useState } from "react";

import type { InvitationStatus, UserStatus } from "../gql/graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { Dialog } from "../ui/Dialog";
import { Checkbox } from "../ui/fields";
import { useComplaints, type Refusal } from "../ui/form";
import { useNotice } from "../ui/notice";
import { BULK_ACTIONS, PERMISSIONS, useBulk, type BulkAction, type Outcome } from "./bulk";
import { AT_MOST } from "./limits";

/** Somebody who is chosen, as the list showed them then. */
export interface ChosenPerson {
  id: string;
  displayName: string;
  status: UserStatus;
  invitation?: { status: InvitationStatus } | null;
}

/** Whom of those that are chosen an action is about: about invitations, it is those who have one. */
const concerns: Record<BulkAction, (person: ChosenPerson) => boolean> = {
  resend: ({ status }) => status === "INVITED",
  revoke: ({ invitation }) => invitation?.status === "PENDING",
  activate: () => true,
  deactivate: () => true,
  delete: () => true,
};

export function BulkActions({ people, onClear }: { people: ChosenPerson[]; onClear(): void }) {
  const { users: words, common } = useMessages();
  const { may } = useSession();
  const tell = useNotice();
  const [action, setAction] = useState<BulkAction>();
  const [erase, setErase] = useState(false);
  const [results, setResults] = useState<Outcome[]>();
  const { run, changes } = useBulk();

  const ask = (chosen: BulkAction) => {
    setAction(chosen);
    // What was ticked for others says nothing about these.
    setErase(false);
  };
  const concerned = action ? people.filter(concerns[action]) : [];
  const only = concerned.length === 1 ? concerned[0] : undefined;
  const confirm = async (action: BulkAction) => {
    const results = await run(
      action,
      concerned.map(({ id }) => id),
      erase,
    );
    if (!results) return;
    setAction(undefined);
    if (results.every(({ outcome }) => outcome === "DONE")) {
      tell(words.bulk.resultDone(results.length));
      onClear();
    } else {
      setResults(results);
    }
  };
  const why = (action: BulkAction) =>
    (people.length > AT_MOST && words.bulk.tooMany(AT_MOST)) ||
    (!may(PERMISSIONS[action]) && common.needsPermission(PERMISSIONS[action])) ||
    (!people.some(concerns[action]) && (action === "resend" ? words.bulk.nobodyInvited : words.bulk.noneOpen));
  return (
    <div className="bulk" role="group" aria-label={common.selected(people.length)}>
      <b role="status">{common.selected(people.length)}</b>
      <div className="buttons">
        {BULK_ACTIONS.map((action) => (
          <Button key={action} why={why(action)} onPress={() => ask(action)}>
            {words.bulk.actions[action]}
          </Button>
        ))}
        <Button look="plain" onPress={onClear}>
          {common.clearSelection}
        </Button>
      </div>
      {action && (
        <Confirm
          title={
            only ? words.confirm[`${action}Title`](only.displayName) : words.bulk[`${action}Title`](concerned.length)
          }
          action={words.actions[action]}
          danger={action !== "activate" && action !== "resend"}
          change={changes[action]}
          onConfirm={() => void confirm(action)}
          onClose={() => setAction(undefined)}
        >
          <p>{only && action !== "activate" ? words.confirm[action] : words.bulk[action]}</p>
          {concerned.length < people.length && <p>{words.bulk.leftOut(people.length - concerned.length)}</p>}
          {!only && <p className="quiet">{words.bulk.each}</p>}
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
          nameOf={(id) => people.find((person) => person.id === id)?.displayName ?? id}
          onClose={() => {
            setResults(undefined);
            onClear();
          }}
        />
      )}
    </div>
  );
}

interface BulkResultsProps {
  results: Outcome[];
  nameOf(id: string): string;
  onClose(): void;
}

/** Who could not be changed, and why. */
function BulkResults({ results, nameOf, onClose }: BulkResultsProps) {
  const { users: words, common } = useMessages();
  const failed = results.filter(({ outcome }) => outcome !== "DONE");
  return (
    <Dialog title={words.bulk.resultTitle} isOpen onClose={onClose}>
      {results.length > failed.length && <p>{words.bulk.resultDone(results.length - failed.length)}</p>}
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
