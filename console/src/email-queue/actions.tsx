// What can be done to e-mails: to one, to several, or to all that match a filter. Each asks first.
import type { TypedDocumentNode } from "urql";

import type { EmailFilter } from "../gql/graphql";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { ConfirmChange } from "../ui/ConfirmChange";

const RetryEmails = graphql(`
  mutation RetryEmails($input: RetryEmailsInput!) {
    changed: retryEmails(input: $input) {
      count
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const CancelEmails = graphql(`
  mutation CancelEmails($input: CancelEmailsInput!) {
    changed: cancelEmails(input: $input) {
      count
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const DeleteEmails = graphql(`
  mutation DeleteEmails($input: DeleteEmailsInput!) {
    changed: deleteEmails(input: $input) {
      count
      userErrors {
        ...UserErrors
      }
    }
  }
`);

export type EmailAction = "retry" | "cancel" | "delete";

/** Which e-mails. */
type Named = { ids: string[] } | { filter: EmailFilter };

type Document = TypedDocumentNode<{ changed: { count?: number | null } }, { input: Named }>;

const DOCUMENTS: Record<EmailAction, Document> = { retry: RetryEmails, cancel: CancelEmails, delete: DeleteEmails };

/** What each needs. */
export const PERMISSIONS: Record<EmailAction, string> = {
  retry: "email-queue.update",
  cancel: "email-queue.update",
  delete: "email-queue.delete",
};

interface ConfirmActionProps {
  action: EmailAction;
  of: Named;
  /** How many they are. */
  count: number;
  /** Called when it is done. */
  onDone(): void;
  onClose(): void;
}

export function ConfirmAction({ action, of, count, onDone, onClose }: ConfirmActionProps) {
  const { emailQueue: words } = useMessages();
  return (
    <ConfirmChange
      document={DOCUMENTS[action]}
      variables={{ input: of }}
      title={words.confirm[`${action}Title`](count)}
      action={words.actions[action]}
      danger={action !== "retry"}
      // Some may be in another state by now.
      done={(payload) => words.done[action](payload.count ?? 0)}
      onDone={onDone}
      onClose={onClose}
    >
      <p>{words.confirm[action]}</p>
    </ConfirmChange>
  );
}
