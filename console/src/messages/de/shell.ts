// The bar at the top, and what is said about the session, in German.
import type { shell as english } from "../en/shell";

export const shell = {
  skip: "Zum Inhalt springen",
  dashboard: "Übersicht",
  applications: { users: "Benutzer", roles: "Rollen", "email-queue": "E-Mail-Warteschlange", "event-log": "Ereignisse" },
  navigation: "Anwendungen",
  userMenu: (name: string) => `Kontomenü von ${name}`,
  account: "Ihr Konto",
  playground: "Playground",
  language: "Sprache",
  signOut: "Abmelden",
  notices: "Hinweise",
  noApplications: "Sie haben zu keiner dieser Anwendungen Zugang.",
  toDashboard: "Zur Übersicht",
  endedTitle: "Ihre Sitzung ist beendet",
  ended:
    "Sie wurden hier oder anderswo abgemeldet, oder Ihr Konto wurde gesperrt. Nichts von dem, was Sie eingegeben haben, ist verloren: Melden Sie sich in einem neuen Tab an, und kommen Sie dann hierher zurück.",
  signInNewTab: "In einem neuen Tab anmelden",
  signInHere: "Hier anmelden",
  signInHereHint: "verlässt diese Seite und das, was Sie eingegeben haben",
  stillEnded: "Noch ist niemand angemeldet.",
  soon: "Diese Anwendung gibt es hier noch nicht.",
} satisfies typeof english;
