// What can be done to those that are chosen in the list, or to all that match its filters.
import { useState } from "react";

import type { EmailFilter } from "../gql/graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Button } from "../ui/Button";
import { useKeptFocus } from "../ui/focus";
import { ConfirmForFilter, ConfirmForIds, EMAIL_ACTIONS, PERMISSIONS, type EmailAction } from "./actions";

/** So many IDs the server takes at once. */
const AT_MOST = 500;

interface BulkActionsProps {
  ids: string[];
  filter: EmailFilter;
  /** How many match the filter. */
  matching: number;
  /** Whether all of these are chosen, and not just those with the IDs. */
  isAll: boolean;
  onAll(): void;
  onClear(): void;
}

export function BulkActions({ ids, filter, matching, isAll, onAll, onClear }: BulkActionsProps) {
  const { emailQueue: words, common } = useMessages();
  const { may } = useSession();
  const [action, setAction] = useState<EmailAction>();
  const kept = useKeptFocus<HTMLDivElement>();
  const close = () => setAction(undefined);
  const tooMany = !isAll && ids.length > AT_MOST && words.tooMany(AT_MOST);
  const why = (action: EmailAction) => (!may(PERMISSIONS[action]) && common.needsPermission(PERMISSIONS[action])) || tooMany;
  const chosen = isAll ? words.allChosen(matching) : common.selected(ids.length);
  return (
    <div {...kept} className="bulk" role="group" aria-label={chosen}>
      <b role="status">{chosen}</b>
      <div className="buttons">
        {!isAll && matching > ids.length && (
          <Button look="plain" onPress={onAll}>
            {words.chooseAll(matching)}
          </Button>
        )}
        {EMAIL_ACTIONS.map((action) => (
          <Button key={action} why={why(action)} onPress={() => setAction(action)}>
            {words.actions[action]}
          </Button>
        ))}
        <Button look="plain" onPress={onClear}>
          {common.clearSelection}
        </Button>
      </div>
      {action && !isAll && <ConfirmForIds action={action} ids={ids} onDone={onClear} onClose={close} />}
      {action && isAll && <ConfirmForFilter action={action} filter={filter} matching={matching} onDone={onClear} onClose={close} />}
    </div>
  );
}
