// The state of a person, as a coloured word.
import type { InvitationStatus, UserStatus } from "../gql/graphql";
import { useMessages } from "../messages";
import { Badge, type Tone } from "../ui/Badge";

export const USER_STATUSES = ["ACTIVE", "INVITED", "DEACTIVATED"] as const satisfies UserStatus[];
export const INVITATION_STATUSES = ["PENDING", "ACCEPTED", "EXPIRED", "REVOKED"] as const satisfies InvitationStatus[];

const TONES: Record<UserStatus, Tone> = { ACTIVE: "good", INVITED: "wait", DEACTIVATED: "quiet" };
const INVITATION_TONES: Record<InvitationStatus, Tone> = { PENDING: "wait", ACCEPTED: "good", EXPIRED: "bad", REVOKED: "quiet" };

/** With what is wrong with the invitation of somebody who has not signed up yet. */
export function UserState({ status, invitation }: { status: UserStatus; invitation?: InvitationStatus }) {
  const { users } = useMessages();
  const hint = status === "INVITED" && (invitation === "EXPIRED" || invitation === "REVOKED") && users.invitationHint[invitation];
  return (
    <span className="state">
      <Badge tone={TONES[status]}>{users.states[status]}</Badge>
      {hint && <small className="quiet">{hint}</small>}
    </span>
  );
}

export function InvitationState({ status }: { status: InvitationStatus }) {
  const { users } = useMessages();
  return <Badge tone={INVITATION_TONES[status]}>{users.invitationStates[status]}</Badge>;
}
