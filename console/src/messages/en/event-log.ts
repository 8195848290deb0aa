// The application Event log.
import { isolate } from "../isolate";
import { plurals } from "../plural";

const plural = plurals("en");

export const eventLog = {
  title: "Event log",
  events: (count: number) => plural(count, { one: "# event", other: "# events" }),
  nothing: "Nothing has happened yet.",
  nothingMatches: "No event matches these filters.",
  searchFor: "Search by who, or by whom or what",
  at: "When",
  action: "What",
  subject: "Whom or what",
  changes: "Changes",
  actor: "Who",
  actorFilter: "Person who did it",
  actorKind: "People or the server",
  actorKinds: { USER: "somebody signed in", SERVER: "the server", ANONYMOUS: "somebody not signed in" },
  from: "From day",
  to: "To day",
  theOne: "one user or thing",
  nobodyFound: "Nothing found.",
  anybody: "Name or address",
  role: "Role",
  fromAddress: (address: string) => `from ${address}`,
  unseen: (count: number) => plural(count, { one: "# new event", other: "# new events" }),
  nothingThere: "removed",
  became: "became",
  /** On the page of what they are about. */
  newest: { title: "Events", all: "All events", by: (actor: string) => `by ${isolate(actor)}` },
  added: "added:",
  removed: "removed:",
  flags: { true: "yes", false: "no" },
  groups: {
    users: "Users and invitations",
    signIn: "Signing in",
    passwords: "Passwords",
    roles: "Roles",
    emailQueue: "E-mail queue",
    server: "Server",
  },
  /** By their names in the API. */
  fields: {
    email: "E-mail address",
    firstName: "First name",
    lastName: "Last name",
    name: "Name",
    codeName: "Code name",
    description: "Description",
    permissions: "Permissions",
    roles: "Roles",
    status: "State",
    reason: "Reason",
    permission: "Permission",
    isManaged: "Kept by the configuration",
    sessions: "Sessions ended",
    invitations: "Invitations ended",
    passwordResets: "Links for new passwords ended",
    count: "How many",
  },
};
