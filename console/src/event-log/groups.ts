// Which part of the server an event is about: the list of actions is long.
import type { EventAction } from "../gql/graphql";

export const GROUPS = ["users", "signIn", "passwords", "roles", "emailQueue", "server"] as const;

export type Group = (typeof GROUPS)[number];

export const GROUP_OF: Record<EventAction, Group> = {
  USER_INVITED: "users",
  INVITATION_RESENT: "users",
  INVITATION_REVOKED: "users",
  INVITATION_ACCEPTED: "users",
  USER_UPDATED: "users",
  PROFILE_UPDATED: "users",
  USER_ACTIVATED: "users",
  USER_DEACTIVATED: "users",
  USER_DELETED: "users",
  USER_ERASED: "users",
  USER_SESSIONS_ENDED: "users",
  ROLE_CREATED: "roles",
  ROLE_UPDATED: "roles",
  ROLE_DELETED: "roles",
  SIGNED_IN: "signIn",
  SIGN_IN_FAILED: "signIn",
  SIGN_IN_THROTTLED: "signIn",
  SIGNED_OUT: "signIn",
  SESSION_REVOKED: "signIn",
  PASSWORD_CHANGED: "passwords",
  PASSWORD_CHANGE_REFUSED: "passwords",
  PASSWORD_RESET_REQUESTED: "passwords",
  PASSWORD_RESET: "passwords",
  PERMISSION_REFUSED: "server",
  LINK_SHOWN: "emailQueue",
  EMAILS_RETRIED: "emailQueue",
  EMAILS_CANCELLED: "emailQueue",
  EMAILS_DELETED: "emailQueue",
  TEST_EMAIL_SENT: "emailQueue",
  EMAIL_QUEUE_PAUSED: "emailQueue",
  EMAIL_QUEUE_RESUMED: "emailQueue",
  DATABASE_RESTORED: "server",
};

const ACTIONS = Object.keys(GROUP_OF) as EventAction[];

/** All actions, those of a group beside each other. */
export const GROUPED_ACTIONS = GROUPS.flatMap((group) => ACTIONS.filter((action) => GROUP_OF[action] === group));
