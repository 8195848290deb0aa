// What can be done to those that are chosen in the list, or to all that match its filters.
import { useState } from "react";

import type { EmailFilter } from "../gql/graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { ConfirmAction, PERMISSIONS, type EmailAction } from "./actions";

const ACTIONS: EmailAction[] = ["retry", "cancel", "delete"];

interface BulkActionsProps {
  ids: string[];
  filter: EmailFilter;
  /** How many match the filter. */
  matching: number;
  onClear(): void;
}

export function BulkActions({ ids, filter, matching, onClear }: BulkActionsProps) {
  const { emailQueue: words, common } = useMessages();
  const { may } = useSession();
  const [isAll, setAll] = useState(false);
  const [action, setAction] = useState<EmailAction>();
  const count = isAll ? matching : ids.length;
  const why = (action: EmailAction) => !may(PERMISSIONS[action]) && common.needsPermission(PERMISSIONS[action]);
  return (
    <div className="bulk" role="group" aria-label={common.selected(count)}>
      <b role="status">{isAll ? words.allChosen(count) : common.selected(count)}</b>
      <div className="buttons">
        {!isAll && matching > ids.length && <Button look="plain" onPress={() => setAll(true)}>{words.chooseAll(matching)}</Button>}
        {ACTIONS.map((action) => <Button key={action} why={why(action)} onPress={() => setAction(action)}>{words.actions[action]}</Button>)}
        <Button look="plain" onPress={onClear}>{common.clearSelection}</Button>
      </div>
      {action && (
        <ConfirmAction action={action} of={isAll ? { filter } : { ids }} count={count} onDone={onClear} onClose={() => setAction(undefined)} />
      )}
    </div>
  );
}
