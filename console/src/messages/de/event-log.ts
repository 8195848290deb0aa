// The application Event log, in German.
import type { eventLog as english } from "../en/event-log";
import { plurals } from "../plural";

const plural = plurals("de");

export const eventLog = {
  title: "Ereignisse",
  events: (count: number) => plural(count, { one: "# Ereignis", other: "# Ereignisse" }),
  nothing: "Bisher ist nichts geschehen.",
  nothingMatches: "Kein Ereignis passt zu diesen Filtern.",
  searchFor: "Suchen nach wer, oder nach wem oder was",
  at: "Wann",
  action: "Was",
  subject: "Wen oder was",
  changes: "Änderungen",
  actor: "Wer",
  actorKind: "Durch",
  actorKinds: { USER: "jemand Angemeldetes", SERVER: "der Server", ANONYMOUS: "jemand nicht Angemeldetes" },
  from: "Ab Tag",
  to: "Bis Tag",
  oneOnly: "Es werden nur Ereignisse gezeigt, die eine Person oder Sache betreffen. Ohne Filter sind es alle.",
  unseen: (count: number) => plural(count, { one: "# neues Ereignis", other: "# neue Ereignisse" }),
  nothingThere: "nichts",
  became: "wurde zu",
  fields: {
    email: "E-Mail-Adresse",
    firstName: "Vorname",
    lastName: "Nachname",
    name: "Name",
    codeName: "Codename",
    description: "Beschreibung",
    permissions: "Berechtigungen",
    roles: "Rollen",
    status: "Zustand",
    reason: "Grund",
    permission: "Berechtigung",
    count: "Wie viele",
  },
} satisfies typeof english;
