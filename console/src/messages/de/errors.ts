// What went wrong, in German.
import type { errors as english } from "../en/errors";
import { plurals } from "../plural";

const plural = plurals("de");
const later = (seconds?: number) => (seconds ? `in ${plural(seconds, { one: "# Sekunde", other: "# Sekunden" })}` : "gleich");

export const errors = {
  unreachable: "Der Server ist nicht erreichbar. Prüfen Sie Ihre Verbindung, und versuchen Sie es erneut.",
  ended: "Ihre Sitzung ist beendet. Melden Sie sich neu an.",
  forbidden: (permission: string) => `Ihnen fehlt die Berechtigung dafür (${permission}).`,
  busy: (seconds?: number) => `Der Server ist ausgelastet. Versuchen Sie es ${later(seconds)} erneut.`,
  unavailable: (seconds?: number) => `Der Server ist nicht bereit und hat nichts geändert. Versuchen Sie es ${later(seconds)} erneut.`,
  unknownOutcome:
    "Die Verbindung ist abgebrochen; die Änderung kann trotzdem ausgeführt worden sein. Sehen Sie nach, bevor Sie es erneut versuchen.",
  internal: (requestId: string) => `Auf dem Server ist ein Fehler aufgetreten. Nennen Sie seinem Betreiber die Nummer ${requestId}.`,
  crashed: "Auf dieser Seite ist ein Fehler aufgetreten. Laden Sie sie neu; auf dem Server ist nichts beschädigt.",
  reload: "Neu laden",
  userErrors: {
    REQUIRED: () => "Diese Angabe fehlt.",
    "REQUIRED roleIds": () => "Wählen Sie mindestens eine Rolle.",
    "REQUIRED removeRoleIds": () => "Mindestens eine Rolle muss bleiben.",
    "REQUIRED codeName": () => "Geben Sie einen Codenamen an: Aus diesem Namen lässt sich keiner bilden.",
    INVALID: () => "Diese Angabe hat nicht die richtige Form.",
    "INVALID codeName": () => "Möglich sind nur Buchstaben von A bis Z, Ziffern, _, - und .",
    "INVALID email": () => "Das ist keine E-Mail-Adresse.",
    "INVALID firstName": () => "Namen dürfen keine Internetadressen, Zeilenumbrüche oder unsichtbaren Zeichen enthalten.",
    "INVALID lastName": () => "Namen dürfen keine Internetadressen, Zeilenumbrüche oder unsichtbaren Zeichen enthalten.",
    "INVALID name": () => "Der Name darf keine Zeilenumbrüche oder unsichtbaren Zeichen enthalten.",
    "INVALID description": () => "Die Beschreibung darf keine unsichtbaren Zeichen enthalten.",
    "INVALID removePermissions": () => "Was wegfallen soll, gehört zu dem, was hinzukommt: Nehmen Sie es aus einem von beiden heraus.",
    "INVALID message": () => "Die Nachricht darf keine Internetadressen und keine unsichtbaren Zeichen enthalten.",
    TOO_LONG: ({ max }) => (max ? `Das ist zu lang: höchstens ${max} Zeichen.` : "Das ist zu lang."),
    TOO_MANY: ({ max }) => (max ? `Das sind zu viele: höchstens ${max}.` : "Das sind zu viele."),
    TAKEN: () => "Das ist schon vergeben.",
    "TAKEN codeName": () => "Eine Rolle mit diesem Codenamen gibt es schon.",
    "TAKEN email": () => "Diese E-Mail-Adresse gehört schon einer anderen Person.",
    NOT_FOUND: () => "Das gibt es nicht (mehr).",
    TOO_MANY_ATTEMPTS: ({ retryAfter }) =>
      retryAfter
        ? `Das waren zu viele Versuche. Versuchen Sie es ${later(Number(retryAfter))} erneut.`
        : "Das waren zu viele Versuche. Versuchen Sie es später erneut.",
    LAST_ADMINISTRATOR: () => "Danach gäbe es niemanden mehr mit der Rolle Administrator, der sich anmelden kann.",
    OWN_ACCOUNT: () => "Bei Ihrem eigenen Konto ist das nicht möglich.",
    EXCEEDS_OWN_PERMISSIONS: () => "Dabei geht es um Berechtigungen, die Sie selbst nicht haben.",
    PROTECTED: () => "Das ist fest eingebaut oder in der Konfiguration festgelegt und lässt sich hier nicht ändern.",
    WRONG_STATE: () => "Das ist nicht mehr möglich: Der Zustand hat sich inzwischen geändert.",
    "WRONG_STATE id": ({ holders }) =>
      holders
        ? `${plural(Number(holders), { one: "# Person hat", other: "# Personen haben" })} diese Rolle. Entziehen Sie sie zuerst.`
        : "Das ist nicht mehr möglich: Der Zustand hat sich inzwischen geändert.",
    // Of a person: for a new link, to revoke one, to end sessions.
    "WRONG_STATE userId": () =>
      "Das passt nicht zum Zustand dieser Person: Sie hat schon ein Passwort oder noch keines, ist gesperrt, oder ihre Einladung ist nicht mehr offen.",
    "WRONG_STATE invitationId": () => "Diese Einladung wurde durch eine neuere ersetzt.",
    // Of e-mails: to try again, to cancel, to delete.
    "WRONG_STATE ids": () =>
      "Die E-Mail ist schon gesendet, wird gerade gesendet oder ist abgebrochen, oder die Einladung oder der Link, um den es ging, gilt nicht mehr.",
    CHANGED_MEANWHILE: () => "Jemand anders hat das inzwischen geändert.",
  },
} satisfies typeof english;
