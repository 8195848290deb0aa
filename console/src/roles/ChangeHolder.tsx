// Gives a role to somebody, or takes it from them: asks first, and says what it comes to.
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { ConfirmChange } from "../ui/ConfirmChange";
import { Effects, useRehearsal } from "../effects";

const UpdateHolder = graphql(`
  mutation UpdateHolder($input: UpdateUserInput!) {
    updateUser(input: $input) {
      user {
        id
        ...Candidate
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

// Of its own: with `dryRun` nothing is changed, and nothing in the cache is to be.
const RehearseHolder = graphql(`
  mutation RehearseHolder($input: UpdateUserInput!, $seesUsers: Boolean!) {
    updateUser(input: $input) {
      effects {
        ...Effects
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

interface ChangeHolderProps {
  kind: "add" | "remove";
  role: { id: string; name: string };
  user: { id: string; displayName: string };
  onDone(): void;
  onClose(): void;
}

export function ChangeHolder({ kind, role, user: { id, displayName }, onDone, onClose }: ChangeHolderProps) {
  const { roles, common } = useMessages();
  const words = roles.holder;
  const input = { id, ...(kind === "add" ? { addRoleIds: [role.id] } : { removeRoleIds: [role.id] }) };
  const { payload, isRefused, shown } = useRehearsal(RehearseHolder, { input: { ...input, dryRun: true }, seesUsers: true });
  const say = kind === "add" ? words.adding : words.removing;
  return (
    <ConfirmChange
      document={UpdateHolder}
      variables={{ input }}
      title={say.title(displayName, role.name)}
      action={say.action}
      danger={kind === "remove"}
      why={isRefused ? words.notPossible : !payload && common.loading}
      done={() => say.done(displayName, role.name)}
      onDone={onDone}
      onClose={onClose}
    >
      {shown}
      {payload?.effects && <Effects effects={payload.effects} of="person" />}
    </ConfirmChange>
  );
}
