// The mutations that change several people at once, as one: what is to be done, and what has become of each of them.
import { useChange, type Change } from "../change";
import { graphql, readFragment, type FragmentType } from "../graphql";
import type { Refusal } from "../ui/form";

const UserResult = graphql(`
  fragment BulkResult on ChangeUsersResult {
    id
    outcome
    userErrors {
      ...UserErrors
    }
  }
`);

const InvitationResult = graphql(`
  fragment BulkInvitationResult on ChangeInvitationsResult {
    id
    outcome
    user {
      id
      ...UserRow
    }
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

const ResendInvitations = graphql(`
  mutation ResendInvitations($input: ResendInvitationsInput!) {
    resendInvitations(input: $input) {
      results {
        ...BulkInvitationResult
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const RevokeInvitations = graphql(`
  mutation RevokeInvitations($input: RevokeInvitationsInput!) {
    revokeInvitations(input: $input) {
      results {
        ...BulkInvitationResult
      }
      userErrors {
        ...UserErrors
      }
    }
  }
`);

export const BULK_ACTIONS = ["resend", "revoke", "activate", "deactivate", "delete"] as const;

export type BulkAction = (typeof BULK_ACTIONS)[number];

/** What each needs. */
export const PERMISSIONS: Record<BulkAction, string> = {
  resend: "users.create",
  revoke: "users.create",
  activate: "users.update",
  deactivate: "users.update",
  delete: "users.delete",
};

export interface Outcome {
  id: string;
  outcome: "DONE" | "FAILED" | "NOT_DONE" | "UNKNOWN";
  userErrors: Refusal;
}

/** `run` resolves to nothing if it was refused, or failed, as a whole. */
export function useBulk() {
  const activate = useChange(ActivateUsers);
  const deactivate = useChange(DeactivateUsers);
  const remove = useChange(DeleteUsers);
  const resend = useChange(ResendInvitations);
  const revoke = useChange(RevokeInvitations);
  const changes: Record<BulkAction, Pick<Change<unknown, unknown>, "busy" | "error" | "userErrors" | "reset">> = {
    activate,
    deactivate,
    delete: remove,
    resend,
    revoke,
  };
  const ofUsers = (results: readonly FragmentType<typeof UserResult>[] | null | undefined) =>
    results?.map((result): Outcome => readFragment(UserResult, result));
  const ofInvitations = (results: readonly FragmentType<typeof InvitationResult>[] | null | undefined) =>
    results?.map((result): Outcome => readFragment(InvitationResult, result));

  const run = async (action: BulkAction, ids: string[], erase: boolean): Promise<Outcome[] | undefined> => {
    switch (action) {
      case "activate":
        return ofUsers((await activate.run({ input: { ids } }))?.results);
      case "deactivate":
        return ofUsers((await deactivate.run({ input: { ids } }))?.results);
      case "delete":
        return ofUsers((await remove.run({ input: { ids, erase } }))?.results);
      case "resend":
        return ofInvitations((await resend.run({ input: { userIds: ids } }))?.results);
      case "revoke":
        return ofInvitations((await revoke.run({ input: { userIds: ids } }))?.results);
    }
  };
  return { run, changes };
}
