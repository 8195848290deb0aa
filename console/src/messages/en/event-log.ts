// The application Event log.
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
  actorKind: "Done by",
  actorKinds: { USER: "somebody signed in", SERVER: "the server", ANONYMOUS: "somebody not signed in" },
  from: "From day",
  to: "To day",
  oneOnly: "Only events that concern one person or thing are shown. Clear the filters to see all.",
  unseen: (count: number) => plural(count, { one: "# new event", other: "# new events" }),
  nothingThere: "nothing",
  became: "became",
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
    count: "How many",
  },
};
