// The application Roles, in German.
import type { roles as english } from "../en/roles";
import { isolate } from "../isolate";
import { plurals } from "../plural";

const plural = plurals("de");

export const roles = {
  title: "Rollen",
  count: (count: number) => plural(count, { one: "# Rolle", other: "# Rollen" }),
  none: "Es gibt noch keine Rollen.",
  noneMatches: "Keine Rolle passt dazu.",
  searchFor: "Nach Name, Codename oder Beschreibung suchen",
  newRole: "Neue Rolle",
  name: "Name",
  codeName: "Codename",
  codeNameHint:
    "So nennen Programme die Rolle: Buchstaben von A bis Z, Ziffern, _, - und . Ohne Angabe wird er aus dem Namen gebildet. Er lässt sich später nicht ändern.",
  description: "Beschreibung",
  descriptionHint: "Wofür die Rolle da ist. Alle, die Rollen vergeben, sehen die Beschreibung.",
  grants: "Was sie erlaubt",
  grantsHint:
    "Alles andere in einer Anwendung setzt „ansehen“ voraus, das von selbst dazukommt. Niemand kann anderen erlauben, was er selbst nicht darf.",
  allowsNothing: "Diese Rolle erlaubt noch nichts.",
  everything: "Alles",
  holders: "Personen",
  holdersHidden: "für Sie nicht sichtbar",
  general: "Allgemein",
  createdAt: "Angelegt",
  updatedAt: "Zuletzt geändert",
  builtIn: "Fest eingebaut",
  managed: "Aus der Konfiguration",
  granted: "Erlaubt",
  notGranted: "Nicht erlaubt",
  implied: "Ist in den anderen enthalten.",
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
    "email-queue.update": "E-Mails erneut senden und abbrechen, die Warteschlange anhalten und fortsetzen, Test-E-Mails senden.",
    "email-queue.delete": "E-Mails löschen.",
    "event-log.view": "Sehen, wer wann was getan hat.",
  } as Record<string, string>,

  isProtected: "Diese Rolle ist fest eingebaut: Sie erlaubt immer alles und lässt sich weder ändern noch löschen.",
  isManaged: "Diese Rolle ist in der Konfiguration des Servers festgelegt und wird dort geändert.",
  isOwn: "Sie haben diese Rolle selbst, und die eigenen Rollen kann niemand ändern.",
  exceeds: (permissions: string) => `Diese Rolle erlaubt, was Sie selbst nicht dürfen: ${permissions}`,
  holdsUnknown: "Diese Rolle enthält Berechtigungen, die der Server nicht mehr kennt.",
  holderExceeds: "Jemand mit dieser Rolle darf etwas, was Sie nicht dürfen.",
  notNow: "Das ist gerade nicht möglich.",

  create: {
    title: "Neue Rolle",
    below: "Eine Rolle legt fest, was Personen dürfen. Danach können Sie sie vergeben.",
    create: "Rolle anlegen",
    done: (name: string) => `Die Rolle ${isolate(name)} wurde angelegt.`,
  },

  edit: {
    title: "Rolle ändern",
    edit: "Ändern",
    done: "Gespeichert.",
    confirm: (name: string) => `${isolate(name)} ändern?`,
    overtaken: "Jemand anders hat diese Rolle geändert, seit Sie begonnen haben:",
    overtakenChoice: "Sie können Ihre Änderungen zusätzlich zu diesen behalten oder verwerfen. Noch ist nichts gespeichert.",
    theyAdded: (line: string) => `Sie erlaubt jetzt auch ${line}`,
    theyRemoved: (line: string) => `Sie erlaubt nicht mehr ${line}`,
    keepMine: "Meine Änderungen behalten",
    takeNewest: "Meine Änderungen verwerfen",
    decideFirst: "Jemand anders hat die Rolle geändert: Entscheiden Sie oben, was gelten soll.",
    empty: "(leer)",
  },

  remove: {
    action: "Löschen",
    title: (name: string) => `${isolate(name)} löschen?`,
    text: "Die Rolle wird endgültig gelöscht. Das lässt sich nicht rückgängig machen.",
    force: (count: number) =>
      plural(count, { one: "Der einen Person entziehen, die sie hat", other: "Allen # Personen entziehen, die sie haben" }),
    forceUnknown: "Allen entziehen, die sie haben",
    forceHint: "Wer keine andere Rolle hat, behält das Konto und darf nichts.",
    forceFirst: "Es gibt Personen mit dieser Rolle: Bestätigen Sie zuerst, dass sie ihnen entzogen werden soll.",
    overtaken: "Jemand hat diese Rolle inzwischen bekommen. Prüfen Sie noch einmal, was sich ändert.",
    done: (name: string) => `Die Rolle ${isolate(name)} ist gelöscht.`,
  },

  holder: {
    title: "Personen mit dieser Rolle",
    nobody: "Niemand hat diese Rolle.",
    add: "Personen hinzufügen",
    addingDone: "Fertig",
    addSearch: "Name oder E-Mail-Adresse",
    addHint: "Geben Sie einen Teil des Namens oder der E-Mail-Adresse der Person ein, die die Rolle bekommen soll.",
    found: (total: number, shown: number) =>
      total > shown
        ? `${shown} von ${plural(total, { other: "# Personen" })}. Geben Sie mehr ein, um die Suche einzugrenzen.`
        : plural(total, { one: "# Person", other: "# Personen" }),
    addOne: (name: string) => `${name} hinzufügen`,
    holdsAlready: "Hat sie schon",
    remove: "Entfernen",
    removeOne: (name: string) => `${name} entfernen`,
    notPossible: "Das ist nicht möglich: Der Grund steht oben.",
    adding: {
      action: "Hinzufügen",
      title: (person: string, role: string) => `${isolate(person)} die Rolle ${isolate(role)} geben?`,
      done: (person: string, role: string) => `${isolate(person)} hat die Rolle ${isolate(role)}.`,
    },
    removing: {
      action: "Entfernen",
      title: (person: string, role: string) => `${isolate(person)} die Rolle ${isolate(role)} entziehen?`,
      done: (person: string, role: string) => `${isolate(person)} hat die Rolle ${isolate(role)} nicht mehr.`,
    },
  },

  noEvents: "Zu dieser Rolle ist nichts festgehalten.",
} satisfies typeof english;
