// Deleting a role: what it comes to, and that it is taken from all who hold it.
import { useState } from "react";
import { useLocation } from "wouter";

import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import { ConfirmChange } from "../ui/ConfirmChange";
import { Checkbox } from "../ui/fields";
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
  const { payload, shown } = useRehearsal(RehearseDelete, { input: { id, dryRun: true }, seesUsers: may("users.view") });
  const effects = payload?.effects;
  const holders = effects && readEffects(effects).usersAffected;
  return (
    <ConfirmChange
      document={DeleteRoleMutation}
      variables={{ input: { id, force: isForced } }}
      title={words.remove.title(name)}
      action={words.remove.action}
      danger
      why={!effects ? common.loading : Boolean(holders) && !isForced && words.remove.forceFirst}
      done={() => words.remove.done(name)}
      onDone={() => navigate("/roles", { replace: true })}
      onClose={onClose}
    >
      <p>{words.remove.text}</p>
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
    </ConfirmChange>
  );
}
