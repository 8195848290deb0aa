// The application E-mail queue, in German.
import type { emailQueue as english } from "../en/email-queue";
import { isolate } from "../isolate";
import { plurals } from "../plural";

const plural = plurals("de");
const number = (value: number) => new Intl.NumberFormat("de").format(value);

export const emailQueue = {
  title: "E-Mail-Warteschlange",
  emails: (count: number) => plural(count, { one: "# E-Mail", other: "# E-Mails" }),
  nothing: "Bisher gibt es keine E-Mails.",
  nothingMatches: "Keine E-Mail passt zu diesen Filtern.",
  searchFor: "Nach Adresse oder Betreff suchen",
  unseen: (count: number) => plural(count, { one: "# neue E-Mail", other: "# neue E-Mails" }),
  to: "An",
  sender: "Von",
  subject: "Betreff",
  state: "Zustand",
  kind: "Art",
  attempts: "Versuche",
  createdAt: "Eingereiht",
  nextAttemptAt: "Nächster Versuch",
  sentAt: "Gesendet",
  expiresAt: "Verfällt",
  messageId: "Message-ID",
  user: "Person",
  transport: "Zuletzt versucht über",
  priority: "Priorität",
  priorities: { LOW: "niedrig", NORMAL: "normal", HIGH: "hoch: Jemand wartet darauf" },
  events: "Ereignisse",
  general: "Allgemein",

  states: { QUEUED: "Wartet", SENDING: "Wird gesendet", SENT: "Gesendet", FAILED: "Fehlgeschlagen", CANCELLED: "Abgebrochen" },
  waits: "Wartet auf den Versand:",
  waitsAgain: "Wurde vorerst abgelehnt. Nächster Versuch:",
  stories: {
    QUEUED: "Wartet auf den Versand.",
    SENDING: "Wird gerade gesendet.",
    SENT: "Wurde zur Zustellung angenommen:",
    FAILED: "Wurde aufgegeben, weil sie endgültig oder zu oft abgelehnt wurde.",
    CANCELLED: "Wurde vor dem Versand abgebrochen: von Hand, oder weil sie sich erledigt hatte.",
  },
  wasDeleted: "Diese E-Mail wurde gelöscht.",
  kinds: {
    INVITATION: "Einladung",
    PASSWORD_RESET: "Link für ein neues Passwort",
    PASSWORD_REQUIRED: "Neues Passwort erforderlich",
    PASSWORD_CHANGED: "Hinweis: Passwort geändert",
    EMAIL_CHANGED: "Hinweis: Adresse geändert",
    TEST: "Test",
  },

  queue: "Warteschlange",
  running: "Läuft",
  paused: "Angehalten",
  available: (transport: string) => `Sendet über ${transport}`,
  unavailable: (transport: string) => `Kann über ${transport} nicht senden`,
  written: { log: "Nicht gesendet: steht im Protokoll des Servers", file: "Nicht gesendet: steht in einer Datei" },
  writtenAt: {
    log: "Wurde nicht gesendet, sondern in das Protokoll des Servers geschrieben:",
    file: "Wurde nicht gesendet, sondern in eine Datei geschrieben:",
  },
  notLive: "Nicht verbunden: Die Anzeige kann veraltet sein.",
  pausedBy: (name: string) => `Angehalten von ${isolate(name)} seit`,
  pausedSince: "Angehalten seit",
  unavailableSince: "Es können keine E-Mails gesendet werden seit",
  triedAgain: "Nächster Versuch:",
  pause: "Anhalten",
  resume: "Fortsetzen",
  sendTest: "Test-E-Mail senden",
  send: "Senden",
  testQueued: "Die Test-E-Mail wurde eingereiht.",

  allChosen: (count: number) => plural(count, { one: "Die einzige passende ist ausgewählt", other: "Alle # passenden sind ausgewählt" }),
  tooMany: (max: number) => `Höchstens ${max} auf einmal. Filtern Sie die Liste, und wählen Sie alle passenden aus.`,
  chooseAll: (count: number) => `Alle ${number(count)} passenden auswählen`,
  actions: { retry: "Erneut versuchen", cancel: "Versand abbrechen", delete: "Löschen" },
  dismiss: "So lassen",
  confirm: {
    retryTitle: (count: number) =>
      plural(count, { one: "Versand von # E-Mail erneut versuchen?", other: "Versand von # E-Mails erneut versuchen?" }),
    retryUpToTitle: (count: number) =>
      plural(count, { one: "Versand von # E-Mail erneut versuchen?", other: "Versand von bis zu # E-Mails erneut versuchen?" }),
    retryOne: "Diese E-Mail wird neu eingereiht, und der nächste Versuch beginnt sofort.",
    retry: "Fehlgeschlagene und abgebrochene E-Mails werden neu eingereiht, bei wartenden beginnt der nächste Versuch sofort. Links, die nicht mehr funktionieren, werden nicht gesendet.",
    cancelTitle: (count: number) =>
      plural(count, { one: "Versand von # E-Mail abbrechen?", other: "Versand von # E-Mails abbrechen?" }),
    cancelOne: "Diese E-Mail wird dann nicht gesendet. Sie können sie später erneut versuchen lassen.",
    cancel: "Wartende E-Mails werden nicht gesendet. Sie können sie später erneut versuchen lassen.",
    deleteTitle: (count: number) => plural(count, { one: "# E-Mail löschen?", other: "# E-Mails löschen?" }),
    deleteOne: "Diese E-Mail wird mit allen Versuchen endgültig gelöscht. Wenn sie noch wartet, wird sie nicht gesendet.",
    delete:
      "Die E-Mails werden mit allen Versuchen endgültig gelöscht; wartende werden nicht gesendet. Was gerade gesendet wird, bleibt erhalten.",
  },
  impossible: (count: number, all: number) =>
    `${plural(count, { other: `Bei # von ${number(all)}` })} ist das nicht möglich. Noch ist nichts geschehen.`,
  noneOfThem: "Das ist bei keiner davon möglich.",
  onlyOthers: {
    retry: (count: number) => plural(count, { one: "Die andere erneut versuchen", other: "Die anderen # erneut versuchen" }),
    cancel: (count: number) => plural(count, { one: "Die andere abbrechen", other: "Die anderen # abbrechen" }),
    delete: (count: number) => plural(count, { one: "Die andere löschen", other: "Die anderen # löschen" }),
  },
  passedOver: {
    retry: (count: number, all: number) =>
      plural(count, {
        one: `# von ${number(all)} ist schon gesendet oder wird gerade gesendet und bleibt, wie sie ist.`,
        other: `# von ${number(all)} sind schon gesendet oder werden gerade gesendet und bleiben, wie sie sind.`,
      }),
    cancel: (count: number, all: number) =>
      plural(count, {
        one: `# von ${number(all)} wartet nicht mehr und bleibt, wie sie ist.`,
        other: `# von ${number(all)} warten nicht mehr und bleiben, wie sie sind.`,
      }),
    delete: (count: number, all: number) =>
      plural(count, {
        one: `# von ${number(all)} wird gerade gesendet und bleibt.`,
        other: `# von ${number(all)} werden gerade gesendet und bleiben.`,
      }),
  },
  done: {
    retry: (count: number) => plural(count, { one: "Versand von # E-Mail wird erneut versucht.", other: "Versand von # E-Mails wird erneut versucht." }),
    cancel: (count: number) => plural(count, { one: "Versand von # E-Mail abgebrochen.", other: "Versand von # E-Mails abgebrochen." }),
    delete: (count: number) => plural(count, { one: "# E-Mail wurde gelöscht.", other: "# E-Mails wurden gelöscht." }),
  },
  notNow: {
    retry: "Diese E-Mail ist schon gesendet, wird gerade gesendet oder enthält einen Link, der nicht mehr funktioniert.",
    cancel: "Nur wartende E-Mails können abgebrochen werden.",
    delete: "Sie wird gerade gesendet.",
  },

  attemptsNone: "Bisher gab es keinen Versuch, sie zu senden.",
  isRunning: "wird gesendet",
  outcomes: {
    DELIVERED: "Vom Mailserver angenommen",
    TRANSIENT_FAILURE: "Vorerst abgelehnt",
    PERMANENT_FAILURE: "Endgültig abgelehnt",
    UNAVAILABLE: "Mailserver nicht erreichbar; zählt nicht als Versuch",
    INTERRUPTED: "Unterbrochen; sie kann angekommen sein",
  },
  link: "Geheimer Link",
  linkNone: "Der Link funktioniert nicht mehr, oder die Person darf mehr als Sie. Wird noch einer gebraucht, senden Sie die Einladung auf der Seite der Person erneut.",
  linkNever: "Links für neue Passwörter werden niemandem angezeigt.",
  content: "Inhalt",
  contentFailed: "Die Ansicht der E-Mail kann gerade nicht geladen werden. Hier ist ihr Text.",
  masked: "Geheime Links sind hier verdeckt.",
  sourceShowsLink: "Der Quelltext zeigt den Link; das Ereignisprotokoll hält fest, wer ihn abruft.",
  source: "Quelltext (.eml)",
  asText: "Als reiner Text",
} satisfies typeof english;
