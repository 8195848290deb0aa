// The application E-mail queue, in German.
import type { emailQueue as english } from "../en/email-queue";
import { plurals } from "../plural";

const plural = plurals("de");
const number = (value: number) => new Intl.NumberFormat("de").format(value);

export const emailQueue = {
  title: "E-Mail-Warteschlange",
  emails: (count: number) => plural(count, { one: "# E-Mail", other: "# E-Mails" }),
  nothing: "Bisher gibt es keine E-Mail.",
  nothingMatches: "Keine E-Mail passt zu diesen Filtern.",
  searchFor: "Suchen nach Adresse oder Betreff",
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
  expiresAt: "Nutzlos ab",
  messageId: "Message-ID",
  user: "Person",
  transport: "Zuletzt versucht über",
  priority: "Vorrang",
  priorities: { LOW: "niedrig", NORMAL: "normal", HIGH: "hoch: Jemand wartet darauf" },
  events: "Ereignisse",
  general: "Allgemein",

  states: { QUEUED: "Wartet", SENDING: "Wird gesendet", SENT: "Gesendet", FAILED: "Gescheitert", CANCELLED: "Abgebrochen" },
  waits: "Wartet aufs Senden:",
  waitsAgain: "Wurde vorerst abgelehnt. Nächster Versuch:",
  stories: {
    QUEUED: "Wartet aufs Senden.",
    SENDING: "Wird gerade gesendet.",
    SENT: "Wurde zur Zustellung angenommen:",
    FAILED: "Wurde aufgegeben: endgültig oder zu oft abgelehnt.",
    CANCELLED: "Wurde vor dem Senden abgebrochen, von jemandem oder weil sie keinen Zweck mehr hatte.",
  },
  wasDeleted: "Diese E-Mail wurde gelöscht.",
  kinds: {
    INVITATION: "Einladung",
    PASSWORD_RESET: "Link für ein neues Passwort",
    PASSWORD_REQUIRED: "Neues Passwort nötig",
    PASSWORD_CHANGED: "Hinweis: Passwort geändert",
    EMAIL_CHANGED: "Hinweis: Adresse geändert",
    TEST: "Test",
  },

  queue: "Die Warteschlange",
  running: "Läuft",
  paused: "Angehalten",
  available: (transport: string) => `Sendet über ${transport}`,
  unavailable: (transport: string) => `Kann über ${transport} nicht senden`,
  notLive: "Nicht verbunden: Was hier steht, kann veraltet sein.",
  pausedBy: (name: string) => `Angehalten von ${name} seit`,
  pausedSince: "Angehalten seit",
  unavailableSince: "Keine E-Mail kann gesendet werden seit",
  triedAgain: "Nächster Versuch:",
  pause: "Anhalten",
  resume: "Fortsetzen",
  sendTest: "Test-E-Mail senden",
  send: "Senden",
  testQueued: "Die Test-E-Mail ist eingereiht.",

  allChosen: (count: number) => plural(count, { one: "Die # passende ist ausgewählt", other: "Alle # passenden sind ausgewählt" }),
  tooMany: (max: number) => `Höchstens ${max} auf einmal. Filtern Sie die Liste, und wählen Sie alle passenden aus.`,
  chooseAll: (count: number) => `Alle ${number(count)} passenden auswählen`,
  actions: { retry: "Erneut versuchen", cancel: "Senden abbrechen", delete: "Löschen" },
  dismiss: "So lassen",
  confirm: {
    retryTitle: (count: number) => plural(count, { one: "# E-Mail erneut versuchen?", other: "# E-Mails erneut versuchen?" }),
    retryUpToTitle: (count: number) => plural(count, { one: "# E-Mail erneut versuchen?", other: "Bis zu # E-Mails erneut versuchen?" }),
    retry: "Gescheitertes und Abgebrochenes wird neu eingereiht; was wartet, wird jetzt versucht. Ungültige Links werden nicht gesendet.",
    cancelTitle: (count: number) => plural(count, { one: "# E-Mail abbrechen?", other: "# E-Mails abbrechen?" }),
    cancel: "Was wartet, wird nicht gesendet. Sie können es später erneut versuchen lassen.",
    deleteTitle: (count: number) => plural(count, { one: "# E-Mail löschen?", other: "# E-Mails löschen?" }),
    delete: "Sie verschwinden endgültig, mit ihren Versuchen, und was wartet, wird nicht gesendet. Was gerade gesendet wird, bleibt.",
  },
  impossible: (count: number, all: number) =>
    `${plural(count, { other: `Bei # von ${number(all)}` })} geht das nicht. Noch ist nichts geschehen.`,
  noneOfThem: "Es geht bei keiner davon.",
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
    retry: (count: number) => plural(count, { one: "# E-Mail wird erneut versucht.", other: "# E-Mails werden erneut versucht." }),
    cancel: (count: number) => plural(count, { one: "# E-Mail ist abgebrochen.", other: "# E-Mails sind abgebrochen." }),
    delete: (count: number) => plural(count, { one: "# E-Mail ist gelöscht.", other: "# E-Mails sind gelöscht." }),
  },
  notNow: {
    retry: "Sie ist schon gesendet oder wird gerade gesendet, oder ihr Link gilt nicht mehr.",
    cancel: "Nur was wartet, kann abgebrochen werden.",
    delete: "Sie wird gerade gesendet.",
  },

  attemptsNone: "Noch hat niemand versucht, sie zu senden.",
  isRunning: "wird gesendet",
  outcomes: {
    DELIVERED: "Vom Mailserver angenommen",
    TRANSIENT_FAILURE: "Vorerst abgelehnt",
    PERMANENT_FAILURE: "Endgültig abgelehnt",
    UNAVAILABLE: "Der Mailserver war nicht zu erreichen; zählt nicht",
    INTERRUPTED: "Abgebrochen; sie kann angekommen sein",
  },
  link: "Geheimer Link",
  linkNone: "Es gibt keinen Link, der gilt: Er wurde benutzt oder ersetzt oder ist abgelaufen. Oder die Person darf mehr als Sie.",
  linkNever: "Links für neue Passwörter bekommt niemand zu sehen.",
  content: "Die E-Mail",
  contentFailed: "Wie sie aussieht, kann gerade nicht gezeigt werden. Hier ist ihr Text.",
  masked: "Geheime Links sind hier verdeckt.",
  sourceShowsLink: "Die Quelle zeigt den Link, was das Ereignisprotokoll festhält.",
  source: "Quelle (.eml)",
  asText: "Als reiner Text",
} satisfies typeof english;
