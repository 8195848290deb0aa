// Deleting a role: what it comes to, and that it is taken from all who hold it.
import { useEffect, useState } from "react";
import { useLocation } from "wouter";

import { useChange } from "../change";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { Confirm } from "../ui/Confirm";
import { Checkbox } from "../ui/fields";
import { useComplaints } from "../ui/form";
import { useHere } from "../ui/here";
import { useNotice } from "../ui/notice";
import { Effects, readEffects, useRehearsal } from "../effects";

const DeleteRoleMutation = graphql(`
  mutation DeleteRole($input: DeleteRoleInput!) {
    deleteRole(input: $input) {
      deletedId
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const RehearseDelete = graphql(`
  mutation RehearseDeleteRole($input: DeleteRoleInput!, $seesUsers: Boolean!) {
    deleteRole(input: $input) {
      effects {
        ...Effects
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

interface DeleteRoleProps {
  role: { id: string; name: string };
  onClose(): void;
}

export function DeleteRole({ role: { id, name }, onClose }: DeleteRoleProps) {
  const { roles: words, effects: effectWords, common } = useMessages();
  const { may } = useSession();
  const [, navigate] = useLocation();
  const [isForced, setForced] = useState(false);
  const here = useHere();
  const tell = useNotice();
  const change = useChange(DeleteRoleMutation);
  const { payload, isRefused, shown, again } = useRehearsal(RehearseDelete, {
    input: { id, dryRun: true },
    seesUsers: may("users.view"),
  });
  const effects = payload?.effects;
  const holders = effects && readEffects(effects).usersAffected;

  // Somebody was given the role since it was rehearsed.
  const isOvertaken = useComplaints(change.userErrors).some(({ code }) => code === "WRONG_STATE");
  useEffect(() => {
    if (isOvertaken) again();
  }, [isOvertaken, change.userErrors, again]);

  const run = async () => {
    if (!(await change.run({ input: { id, force: isForced } }))) return;
    tell(words.remove.done(name));
    if (!here()) return;
    onClose();
    navigate("/roles", { replace: true });
  };
  return (
    <Confirm
      title={words.remove.title(name)}
      action={words.remove.action}
      danger
      why={isRefused ? words.holder.notPossible : !effects ? common.loading : Boolean(holders) && !isForced && words.remove.forceFirst}
      change={isOvertaken ? { ...change, userErrors: undefined } : change}
      onConfirm={() => void run()}
      onClose={onClose}
    >
      <p>{words.remove.text}</p>
      <div role="alert" className="errors">
        {isOvertaken && <p className="alert calm">{words.remove.overtaken}</p>}
      </div>
      {shown}
      {effects && (
        <>
          {holders === 0 ? <p>{effectWords.holderCount(0)}</p> : <Effects effects={effects} of="holders" />}
          {holders !== 0 && (
            <Checkbox isSelected={isForced} onChange={setForced} hint={words.remove.forceHint}>
              {holders == null ? words.remove.forceUnknown : words.remove.force(holders)}
            </Checkbox>
          )}
        </>
      )}
    </Confirm>
  );
}
