// The bar at the top, and what is said about the session, in German.
import type { shell as english } from "../en/shell";

export const shell = {
  skip: "Zum Inhalt springen",
  dashboard: "Übersicht",
  applications: { users: "Benutzer", roles: "Rollen", "email-queue": "E-Mail-Warteschlange", "event-log": "Ereignisprotokoll" },
  navigation: "Anwendungen",
  userMenu: (name: string) => `Kontomenü von ${name}`,
  account: "Ihr Konto",
  playground: "Playground",
  language: "Sprache",
  signOut: "Abmelden",
  queuePaused: "Die E-Mail-Warteschlange ist angehalten: Es werden keine E-Mails gesendet.",
  notSending: "Zurzeit können keine E-Mails gesendet werden: Sie warten in der Warteschlange.",
  toQueue: "Zur Warteschlange",
  noApplications: "Sie haben auf keine dieser Anwendungen Zugriff.",
  toDashboard: "Zur Übersicht",
  toList: (title: string) => `Zur Liste: ${title}`,
  endedTitle: "Ihre Sitzung ist beendet",
  ended:
    "Sie wurden hier oder anderswo abgemeldet, oder Ihr Konto wurde gesperrt. Was Sie eingegeben haben, ist nicht verloren: Melden Sie sich in einem neuen Tab an, und kommen Sie dann hierher zurück.",
  signInNewTab: "In einem neuen Tab anmelden",
  signInHere: "Hier anmelden",
  signInHereHint: "Sie verlassen damit diese Seite und verlieren, was Sie eingegeben haben.",
  stillEnded: "Noch ist niemand angemeldet.",
} satisfies typeof english;
