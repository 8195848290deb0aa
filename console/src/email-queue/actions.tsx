// What can be done to e-mails: to one, to several, or to all that match a filter. Each asks first.
import { useChange } from "../change";
import type { EmailFilter } from "../gql/graphql";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { Confirm } from "../ui/Confirm";
import { useNotice } from "../ui/notice";

const RetryEmails = graphql(`
  mutation RetryEmails($input: RetryEmailsInput!) {
    retryEmails(input: $input) {
      count
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const CancelEmails = graphql(`
  mutation CancelEmails($input: CancelEmailsInput!) {
    cancelEmails(input: $input) {
      count
      userErrors {
        ...UserErrors
      }
    }
  }
`);

const DeleteEmails = graphql(`
  mutation DeleteEmails($input: DeleteEmailsInput!) {
    deleteEmails(input: $input) {
      count
      userErrors {
        ...UserErrors
      }
    }
  }
`);

export type EmailAction = "retry" | "cancel" | "delete";

/** What each needs. */
export const PERMISSIONS: Record<EmailAction, string> = {
  retry: "email-queue.update",
  cancel: "email-queue.update",
  delete: "email-queue.delete",
};

interface ConfirmActionProps {
  action: EmailAction;
  /** Which e-mails. */
  of: { ids: string[] } | { filter: EmailFilter };
  /** How many they are. */
  count: number;
  /** Called when it is done. */
  onDone(): void;
  onClose(): void;
}

export function ConfirmAction({ action, of, count, onDone, onClose }: ConfirmActionProps) {
  const { emailQueue: words } = useMessages();
  const tell = useNotice();
  const changes = { retry: useChange(RetryEmails), cancel: useChange(CancelEmails), delete: useChange(DeleteEmails) };
  const change = changes[action];
  const run = async () => {
    const payload = await change.run({ input: of });
    if (!payload) return;
    // Some may be in another state by now.
    tell(words.done[action](payload.count ?? 0));
    onClose();
    onDone();
  };
  return (
    <Confirm
      title={words.confirm[`${action}Title`](count)}
      action={words.actions[action]}
      danger={action !== "retry"}
      change={change}
      onConfirm={() => void run()}
      onClose={onClose}
    >
      <p>{words.confirm[action]}</p>
    </Confirm>
  );
}
