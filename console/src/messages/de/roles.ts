// The application Roles, in German.
import type { roles as english } from "../en/roles";
import { plurals } from "../plural";

const plural = plurals("de");

export const roles = {
  title: "Rollen",
  count: (count: number) => plural(count, { one: "# Rolle", other: "# Rollen" }),
  none: "Es gibt noch keine Rollen.",
  noneMatches: "Dazu passt keine Rolle.",
  searchFor: "Name, Codename oder Beschreibung suchen",
  newRole: "Neue Rolle",
  name: "Name",
  codeName: "Codename",
  codeNameHint:
    "So nennen Programme die Rolle: Buchstaben von A bis Z, Ziffern, _, - und . Ohne Angabe entsteht er aus dem Namen. Er bleibt dann so.",
  description: "Beschreibung",
  descriptionHint: "Wofür die Rolle da ist. Alle, die Rollen vergeben, sehen es.",
  grants: "Was sie erlaubt",
  grantsHint:
    "Alles andere in einer Anwendung braucht „ansehen“, das von selbst dazukommt. Niemand kann erlauben, was er selbst nicht darf.",
  allowsNothing: "Diese Rolle erlaubt noch nichts.",
  everything: "Alles",
  holders: "Personen",
  holdersHidden: "für Sie nicht sichtbar",
  general: "Allgemeines",
  createdAt: "Angelegt",
  updatedAt: "Zuletzt geändert",
  builtIn: "Fest eingebaut",
  managed: "Aus der Konfiguration",
  granted: "Erlaubt",
  notGranted: "Nicht erlaubt",
  implied: "Gehört zu den anderen dazu.",
  notYours: "Das dürfen Sie selbst nicht.",
  unknown: (codes: string) => `Sie enthält auch Berechtigungen, die der Server nicht mehr kennt und die nichts erlauben: ${codes}`,
  applicationDescriptions: {
    users: "Personen, ihre Rollen und ihre Einladungen.",
    roles: "Bündel von Berechtigungen.",
    "email-queue": "E-Mails, die gesendet wurden oder noch warten.",
    "event-log": "Wer wann was mit wem getan hat.",
  } as Record<string, string>,
  permissionDescriptions: {
    "users.view": "Benutzer und ihre Rollen sehen.",
    "users.create": "Benutzer einladen.",
    "users.update": "Benutzer ändern, freigeben und sperren und ihre Rollen vergeben.",
    "users.delete": "Benutzer löschen.",
    "roles.view": "Rollen sehen und was sie erlauben.",
    "roles.create": "Rollen anlegen.",
    "roles.update": "Rollen ändern.",
    "roles.delete": "Rollen löschen.",
    "email-queue.view": "Wartende und gesendete E-Mails sehen.",
    "email-queue.view-sensitive": "Die geheimen Links in E-Mails lesen.",
    "email-queue.update": "E-Mails noch einmal senden und abbrechen, die Warteschlange anhalten und fortsetzen, Test-E-Mails senden.",
    "email-queue.delete": "E-Mails löschen.",
    "event-log.view": "Sehen, wer wann was getan hat.",
  } as Record<string, string>,

  isProtected: "Diese Rolle ist fest eingebaut: Sie erlaubt immer alles und lässt sich weder ändern noch löschen.",
  isManaged: "Diese Rolle steht in der Konfiguration des Servers. Geändert wird sie dort.",
  isOwn: "Sie haben diese Rolle selbst, und die eigenen Rollen kann niemand ändern.",
  exceeds: (permissions: string) => `Diese Rolle erlaubt, was Sie selbst nicht dürfen: ${permissions}`,
  holdsUnknown: "Diese Rolle enthält Berechtigungen, die der Server nicht mehr kennt.",
  holderExceeds: "Jemand mit dieser Rolle darf, was Sie nicht dürfen.",
  notNow: "Das geht jetzt nicht.",

  create: {
    title: "Neue Rolle",
    below: "Eine Rolle sagt, was Personen dürfen. Danach können Sie sie vergeben.",
    create: "Rolle anlegen",
    done: (name: string) => `Die Rolle ${name} ist angelegt.`,
  },

  edit: {
    title: "Rolle ändern",
    edit: "Ändern",
    done: "Gespeichert.",
    confirm: (name: string) => `${name} ändern?`,
    overtaken: "Jemand hat diese Rolle geändert, seit Sie begonnen haben:",
    overtakenChoice: "Sie können Ihre Änderungen behalten, zusätzlich zu diesen, oder sie verwerfen. Gespeichert ist noch nichts.",
    theyAdded: (line: string) => `Sie erlaubt jetzt auch ${line}`,
    theyRemoved: (line: string) => `Sie erlaubt nicht mehr ${line}`,
    keepMine: "Meine Änderungen behalten",
    takeNewest: "Meine Änderungen verwerfen",
    decideFirst: "Jemand anders hat die Rolle geändert: Entscheiden Sie oben, was gelten soll.",
    empty: "(leer)",
  },


  remove: {
    action: "Löschen",
    title: (name: string) => `${name} löschen?`,
    text: "Die Rolle ist dann endgültig weg. Das lässt sich nicht rückgängig machen.",
    force: (count: number) =>
      plural(count, { one: "Der # Person wegnehmen, die sie hat", other: "Allen # Personen wegnehmen, die sie haben" }),
    forceUnknown: "Allen wegnehmen, die sie haben",
    forceHint: "Wer keine andere Rolle hat, behält das Konto und darf nichts.",
    forceFirst: "Es gibt Personen mit dieser Rolle: Sagen Sie zuerst, dass sie ihnen weggenommen werden soll.",
    overtaken: "Jemand hat diese Rolle bekommen, seit Sie begonnen haben. Sehen Sie noch einmal nach, was dabei herauskommt.",
    done: (name: string) => `Die Rolle ${name} ist gelöscht.`,
  },

  holder: {
    title: "Wer sie hat",
    nobody: "Niemand hat diese Rolle.",
    add: "Personen hinzufügen",
    addingDone: "Fertig",
    addSearch: "Name oder Adresse der Person, die sie bekommen soll",
    addHint: "Tippen Sie einen Teil eines Namens oder einer Adresse.",
    found: (total: number, shown: number) =>
      total > shown
        ? `${shown} von ${plural(total, { other: "# Personen" })}. Tippen Sie mehr, um weniger zu finden.`
        : plural(total, { one: "# Person", other: "# Personen" }),
    addOne: (name: string) => `${name} hinzufügen`,
    holdsAlready: "Hat sie schon",
    remove: "Entfernen",
    removeOne: (name: string) => `${name} entfernen`,
    notPossible: "Das geht nicht: Der Grund steht oben.",
    adding: {
      action: "Hinzufügen",
      title: (person: string, role: string) => `${person} die Rolle ${role} geben?`,
      done: (person: string, role: string) => `${person} hat die Rolle ${role}.`,
    },
    removing: {
      action: "Entfernen",
      title: (person: string, role: string) => `${person} die Rolle ${role} wegnehmen?`,
      done: (person: string, role: string) => `${person} hat die Rolle ${role} nicht mehr.`,
    },
  },

  noEvents: "Über diese Rolle ist nichts festgehalten.",
} satisfies typeof english;
