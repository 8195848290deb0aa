// The application Event log, in German.
import type { eventLog as english } from "../en/event-log";
import { isolate } from "../isolate";
import { plurals } from "../plural";

const plural = plurals("de");

export const eventLog = {
  title: "Ereignisprotokoll",
  events: (count: number) => plural(count, { one: "# Ereignis", other: "# Ereignisse" }),
  nothing: "Bisher ist nichts geschehen.",
  nothingMatches: "Kein Ereignis passt zu diesen Filtern.",
  searchFor: "Nach Person oder Betroffenem suchen",
  at: "Wann",
  action: "Was",
  subject: "Wen oder was",
  changes: "Änderungen",
  actor: "Wer",
  actorFilter: "Wer es getan hat",
  actorKind: "Person oder Server",
  actorKinds: { USER: "angemeldete Person", SERVER: "Server", ANONYMOUS: "nicht angemeldete Person" },
  from: "Von",
  to: "Bis",
  theOne: "eine Person oder Sache",
  nobodyFound: "Nichts gefunden.",
  anybody: "Name oder Adresse",
  role: "Rolle",
  fromAddress: (address: string) => `von der IP-Adresse ${address}`,
  unseen: (count: number) => plural(count, { one: "# neues Ereignis", other: "# neue Ereignisse" }),
  nothingThere: "entfernt",
  became: "wurde zu",
  /** On the page of what they are about. */
  newest: { title: "Ereignisse", all: "Alle Ereignisse", by: (actor: string) => `von ${isolate(actor)}` },
  added: "hinzugefügt:",
  removed: "entfernt:",
  flags: { true: "ja", false: "nein" },
  groups: {
    users: "Benutzer und Einladungen",
    signIn: "Anmeldung",
    passwords: "Passwörter",
    roles: "Rollen",
    emailQueue: "E-Mail-Warteschlange",
    server: "Server",
  },
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
    isManaged: "Aus der Konfiguration",
    sessions: "Beendete Sitzungen",
    invitations: "Beendete Einladungen",
    passwordResets: "Beendete Links für neue Passwörter",
    count: "Anzahl",
  },
} satisfies typeof english;
