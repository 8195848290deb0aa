// What roles allow, in German.
import type { permissions as english } from "../en/permissions";

export const permissions = {
  actions: {
    view: "ansehen",
    create: "anlegen",
    update: "ändern",
    delete: "löschen",
    "view-sensitive": "geheime Links sehen",
  } as Record<string, string>,
  applications: {
    users: "Benutzer",
    roles: "Rollen",
    "email-queue": "E-Mail-Warteschlange",
    "event-log": "Ereignisprotokoll",
  } as Record<string, string>,
  nothing: "erlaubt nichts",
} satisfies typeof english;
