// What roles allow, for pages that say it: applications and actions by their codes. Others have names of their own.

export const permissions = {
  actions: {
    view: "view",
    create: "create",
    update: "change",
    delete: "delete",
    "view-sensitive": "see secret links",
  } as Record<string, string>,
  applications: {
    users: "Users",
    roles: "Roles",
    "email-queue": "E-mail queue",
    "event-log": "Event log",
  } as Record<string, string>,
  nothing: "grants nothing",
};
