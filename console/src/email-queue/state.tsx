// The states of an e-mail and of an attempt to send it, in words and colours.
import type { EmailAttemptOutcome, EmailKind, EmailStatus } from "../gql/graphql";
import { useMessages } from "../messages";
import { Badge, type Tone } from "../ui/Badge";

export const EMAIL_STATUSES: readonly EmailStatus[] = ["QUEUED", "SENDING", "SENT", "FAILED", "CANCELLED"];

export const EMAIL_KINDS: readonly EmailKind[] = [
  "INVITATION",
  "PASSWORD_RESET",
  "PASSWORD_REQUIRED",
  "PASSWORD_CHANGED",
  "EMAIL_CHANGED",
  "TEST",
];

const TONES: Record<EmailStatus, Tone> = { QUEUED: "wait", SENDING: "wait", SENT: "good", FAILED: "bad", CANCELLED: "quiet" };

export function EmailState({ status }: { status: EmailStatus }) {
  const { emailQueue: words } = useMessages();
  return <Badge tone={TONES[status]}>{words.states[status]}</Badge>;
}

/** How e-mails are written down instead of sent, if they are: by the name of the transport. */
export function writtenBy(transport: string | null | undefined): "log" | "file" | undefined {
  return transport === "log" || transport === "file" ? transport : undefined;
}

const OUTCOME_TONES: Record<EmailAttemptOutcome, Tone> = {
  DELIVERED: "good",
  TRANSIENT_FAILURE: "wait",
  PERMANENT_FAILURE: "bad",
  UNAVAILABLE: "wait",
  INTERRUPTED: "wait",
};

/** Of an attempt; without an outcome, it is under way. */
export function toneOf({ outcome, transport }: { outcome?: EmailAttemptOutcome | null; transport: string }): Tone {
  if (outcome === "DELIVERED" && writtenBy(transport)) return "quiet";
  return outcome ? OUTCOME_TONES[outcome] : "wait";
}
