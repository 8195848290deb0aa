// What can be done to e-mails: to one, to several, or to all that match a filter. Each asks first.
import { useState } from "react";
import type { TypedDocumentNode } from "urql";

import { useAsk } from "../ask";
import { useChange } from "../change";
import type { EmailFilter, EmailStatus } from "../gql/graphql";
import { graphql } from "../graphql";
import { useMessages } from "../messages";
import { Confirm } from "../ui/Confirm";
import { useComplaints } from "../ui/form";
import { useNotice } from "../ui/notice";
import { EMAIL_STATUSES } from "./state";

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

const CountQuery = graphql(`
  query CountOfEmails($filter: EmailFilter!) {
    emails(filter: $filter, first: 1) {
      totalCount
    }
  }
`);

export const EMAIL_ACTIONS = ["retry", "cancel", "delete"] as const;

export type EmailAction = (typeof EMAIL_ACTIONS)[number];

type Document<Which> = TypedDocumentNode<{ changed: { count?: number | null } }, { input: Which }>;

const DOCUMENTS: Record<EmailAction, Document<{ ids: string[] } | { filter: EmailFilter }>> = {
  retry: RetryEmails,
  cancel: CancelEmails,
  delete: DeleteEmails,
};

/** What each needs. */
export const PERMISSIONS: Record<EmailAction, string> = {
  retry: "email-queue.update",
  cancel: "email-queue.update",
  delete: "email-queue.delete",
};

/** The states in which it is possible. */
const POSSIBLE_IN: Record<EmailAction, readonly EmailStatus[]> = {
  retry: ["QUEUED", "FAILED", "CANCELLED"],
  cancel: ["QUEUED", "FAILED"],
  delete: ["QUEUED", "SENT", "FAILED", "CANCELLED"],
};

interface ConfirmProps {
  action: EmailAction;
  /** Called when it is done. */
  onDone(): void;
  onClose(): void;
}

/**
 * For those with these IDs. The server does it to all of them or to none, and says to which it cannot be done: those can
 * then be left out.
 */
export function ConfirmForIds({ action, ids, onDone, onClose }: ConfirmProps & { ids: string[] }) {
  const { emailQueue: words } = useMessages();
  const tell = useNotice();
  const change = useChange(DOCUMENTS[action]);
  const [leftOut, setLeftOut] = useState<ReadonlySet<string>>(new Set());
  const asked = ids.filter((id) => !leftOut.has(id));

  const complaints = useComplaints(change.userErrors).filter(({ path: [name, index] }) => name === "ids" && index !== undefined);
  const impossible = new Set(complaints.map(({ path: [, index] }) => asked[Number(index)]));
  const others = asked.filter((id) => !impossible.has(id));
  const reasons = [...new Set(complaints.map(({ words }) => words))];
  const canLeaveOut = impossible.size > 0 && others.length > 0;

  const run = async () => {
    setLeftOut(new Set([...leftOut, ...impossible].filter((id) => id !== undefined)));
    const payload = await change.run({ input: { ids: others } });
    if (!payload) return;
    tell(words.done[action](payload.count ?? 0));
    onClose();
    onDone();
  };
  return (
    <Confirm
      title={words.confirm[`${action}Title`](asked.length)}
      action={canLeaveOut ? words.onlyOthers[action](others.length) : words.actions[action]}
      dismiss={words.dismiss}
      danger={action !== "retry"}
      why={impossible.size > 0 && others.length === 0 && words.noneOfThem}
      change={{ ...change, userErrors: impossible.size > 0 ? undefined : change.userErrors }}
      onConfirm={() => void run()}
      onClose={onClose}
    >
      <p>{asked.length === 1 ? words.confirm[`${action}One`] : words.confirm[action]}</p>
      <div role="alert">
        {impossible.size > 0 && (
          <div className="alert calm">
            <p>{words.impossible(impossible.size, ids.length)}</p>
            {reasons.map((reason) => (
              <p key={reason}>{reason}</p>
            ))}
          </div>
        )}
      </div>
    </Confirm>
  );
}

/** For all that match a filter: the server passes over those to which it cannot be done. */
export function ConfirmForFilter({ action, filter, matching, onDone, onClose }: ConfirmProps & { filter: EmailFilter; matching: number }) {
  const { emailQueue: words } = useMessages();
  const tell = useNotice();
  const change = useChange(DOCUMENTS[action]);
  const statuses = (filter.statuses ?? EMAIL_STATUSES).filter((status) => POSSIBLE_IN[action].includes(status));
  const { data, error } = useAsk({
    query: CountQuery,
    variables: { filter: { ...filter, statuses } },
    pause: statuses.length === 0,
    requestPolicy: "network-only",
  });
  // Of those that wait, the server passes over those that are due already, which no filter finds.
  const titles = { retry: words.confirm.retryUpToTitle, cancel: words.confirm.cancelTitle, delete: words.confirm.deleteTitle };
  const possible = statuses.length === 0 ? 0 : data?.emails.totalCount;

  const run = async () => {
    const payload = await change.run({ input: { filter } });
    if (!payload) return;
    tell(words.done[action](payload.count ?? 0));
    onClose();
    onDone();
  };
  return (
    <Confirm
      title={titles[action](possible ?? matching)}
      action={words.actions[action]}
      dismiss={words.dismiss}
      danger={action !== "retry"}
      why={possible === 0 && words.noneOfThem}
      isWaiting={possible === undefined && !error}
      change={change}
      onConfirm={() => void run()}
      onClose={onClose}
    >
      <p>{words.confirm[action]}</p>
      <p role="status">{possible !== undefined && possible < matching && words.passedOver[action](matching - possible, matching)}</p>
    </Confirm>
  );
}
