// What went wrong, in German.
import type { errors as english } from "../en/errors";
import { plurals } from "../plural";

const plural = plurals("de");
const later = (seconds?: number) => (seconds ? `in ${plural(seconds, { one: "# Sekunde", other: "# Sekunden" })}` : "gleich");

export const errors = {
  unreachable: "Der Server ist nicht zu erreichen. Prüfen Sie Ihre Verbindung, und versuchen Sie es noch einmal.",
  ended: "Ihre Sitzung ist beendet. Melden Sie sich neu an.",
  forbidden: (permission: string) => `Ihnen fehlt die Berechtigung dafür (${permission}).`,
  busy: (seconds?: number) => `Der Server ist ausgelastet. Versuchen Sie es ${later(seconds)} noch einmal.`,
  unavailable: (seconds?: number) => `Der Server ist nicht bereit und hat nichts geändert. Versuchen Sie es ${later(seconds)} noch einmal.`,
  unknownOutcome:
    "Die Verbindung ist abgebrochen; vielleicht ist es geschehen, vielleicht nicht. Sehen Sie nach, bevor Sie es noch einmal versuchen.",
  internal: (requestId: string) => `Der Server hat versagt. Nennen Sie seinem Betreiber die Nummer ${requestId}.`,
  crashed: "Etwas auf dieser Seite ist fehlgeschlagen. Laden Sie sie neu; auf dem Server ist nichts beschädigt.",
  reload: "Neu laden",
  userErrors: {
    REQUIRED: () => "Das wird gebraucht.",
    "REQUIRED roleIds": () => "Mindestens eine Rolle wird gebraucht.",
    "REQUIRED removeRoleIds": () => "Mindestens eine Rolle wird gebraucht.",
    "REQUIRED codeName": () => "Ein Codename wird gebraucht: Aus diesem Namen lässt sich keiner bilden.",
    INVALID: () => "Das hat nicht die richtige Form.",
    "INVALID codeName": () => "Möglich sind nur Buchstaben von A bis Z, Ziffern, _, - und .",
    "INVALID email": () => "Das ist keine E-Mail-Adresse.",
    "INVALID firstName": () => "Namen dürfen keine Internetadressen, Zeilenumbrüche oder unsichtbaren Zeichen enthalten.",
    "INVALID lastName": () => "Namen dürfen keine Internetadressen, Zeilenumbrüche oder unsichtbaren Zeichen enthalten.",
    "INVALID message": () => "Die Nachricht darf keine Internetadressen und keine unsichtbaren Zeichen enthalten.",
    TOO_LONG: ({ max }) => (max ? `Das ist zu lang: höchstens ${max} Zeichen.` : "Das ist zu lang."),
    TOO_MANY: ({ max }) => (max ? `Das sind zu viele: höchstens ${max}.` : "Das sind zu viele."),
    TAKEN: () => "Das ist schon vergeben.",
    "TAKEN codeName": () => "Eine Rolle mit diesem Codenamen gibt es schon.",
    "TAKEN email": () => "Diese E-Mail-Adresse gehört schon einer anderen Person.",
    NOT_FOUND: () => "Das gibt es nicht (mehr).",
    TOO_MANY_ATTEMPTS: () => "Das waren zu viele Versuche. Versuchen Sie es später noch einmal.",
    LAST_ADMINISTRATOR: () => "Dann gäbe es niemanden mehr mit der Rolle Administrator, der sich anmelden kann.",
    OWN_ACCOUNT: () => "Mit Ihrem eigenen Konto geht das nicht.",
    EXCEEDS_OWN_PERMISSIONS: () => "Dabei geht es um Berechtigungen, die Sie selbst nicht haben.",
    PROTECTED: () => "Das ist fest eingebaut oder vom Betreiber festgelegt und lässt sich hier nicht ändern.",
    WRONG_STATE: () => "Im jetzigen Zustand geht das nicht.",
    "WRONG_STATE id": ({ holders }) =>
      holders ? `So viele Personen haben diese Rolle: ${holders}.` : "Im jetzigen Zustand geht das nicht.",
    CHANGED_MEANWHILE: () => "Jemand hat das inzwischen geändert.",
  },
} satisfies typeof english;
