// The application Roles.
import { plurals } from "../plural";

const plural = plurals("en");

export const roles = {
  title: "Roles",
  count: (count: number) => plural(count, { one: "# role", other: "# roles" }),
  none: "There are no roles yet.",
  noneMatches: "No role matches this.",
  searchFor: "Search by name, code name or description",
  newRole: "New role",
  name: "Name",
  codeName: "Code name",
  codeNameHint:
    "What programs call it: letters from A to Z, digits, _, - and . It is made from the name if you leave it empty, and stays as it is.",
  description: "Description",
  descriptionHint: "What the role is for. Everybody who gives roles sees it.",
  grants: "What it allows",
  grantsHint:
    "All else in an application needs “view”, which comes with it by itself. Nobody can allow others what they may not do themselves.",
  allowsNothing: "This role allows nothing yet.",
  everything: "Everything",
  holders: "Held by",
  holdersHidden: "not shown to you",
  general: "General",
  createdAt: "Created",
  updatedAt: "Last changed",
  builtIn: "Built in",
  managed: "From the configuration",
  granted: "Allowed",
  notGranted: "Not allowed",
  implied: "Comes with the others.",
  notYours: "You may not do this yourself.",
  unknown: (codes: string) => `It also holds permissions that the server no longer knows, and that allow nothing: ${codes}`,
  // What the server says in English; other languages say it in their own words.
  applicationDescriptions: {} as Record<string, string>,
  permissionDescriptions: {} as Record<string, string>,

  // Why a button cannot be used.
  isProtected: "This role is built in: it always allows everything, and cannot be changed or deleted.",
  isManaged: "The server's configuration declares this role. It is changed there.",
  isOwn: "You hold this role yourself, and nobody can change their own roles.",
  exceeds: (permissions: string) => `This role allows what you may not do yourself: ${permissions}`,
  holdsUnknown: "This role holds permissions that the server no longer knows.",
  holderExceeds: "Somebody who holds this role may do what you may not.",
  notNow: "This is not possible now.",

  create: {
    title: "New role",
    below: "A role says what people may do. Afterwards you can give it to them.",
    create: "Create role",
    done: (name: string) => `The role ${name} was created.`,
  },

  edit: {
    title: "Change the role",
    edit: "Edit",
    done: "Saved.",
    confirm: (name: string) => `Change ${name}?`,
    overtaken: "Somebody has changed this role since you began:",
    overtakenChoice: "You can keep what you have changed, on top of this, or drop it. Nothing is saved yet.",
    theyAdded: (line: string) => `It now also allows ${line}`,
    theyRemoved: (line: string) => `It no longer allows ${line}`,
    keepMine: "Keep my changes",
    takeNewest: "Drop my changes",
    decideFirst: "Somebody else has changed the role: decide above what shall hold.",
    empty: "(empty)",
  },

  remove: {
    action: "Delete",
    title: (name: string) => `Delete ${name}?`,
    text: "The role is gone for good. This cannot be undone.",
    force: (count: number) => plural(count, { one: "Take it from the one who holds it", other: "Take it from all # who hold it" }),
    forceUnknown: "Take it from all who hold it",
    forceHint: "Who holds no other role keeps their account, and may do nothing.",
    forceFirst: "People hold this role: say first that it is to be taken from them.",
    overtaken: "Somebody has been given this role since you began. Look again at what it comes to.",
    done: (name: string) => `The role ${name} is deleted.`,
  },

  holder: {
    title: "Who holds it",
    nobody: "Nobody holds this role.",
    add: "Add people",
    addingDone: "Done",
    addSearch: "Name or e-mail address",
    addHint: "Type a part of the name or e-mail address of whoever shall hold the role.",
    found: (total: number, shown: number) =>
      total > shown ? `${shown} of ${plural(total, { other: "# people" })}. Type more to find fewer.` : plural(total, { one: "# person", other: "# people" }),
    addOne: (name: string) => `Add ${name}`,
    holdsAlready: "Holds it already",
    remove: "Remove",
    removeOne: (name: string) => `Remove ${name}`,
    notPossible: "This is not possible, for the reason above.",
    adding: {
      action: "Add",
      title: (person: string, role: string) => `Give ${person} the role ${role}?`,
      done: (person: string, role: string) => `${person} holds the role ${role}.`,
    },
    removing: {
      action: "Remove",
      title: (person: string, role: string) => `Take the role ${role} from ${person}?`,
      done: (person: string, role: string) => `${person} no longer holds the role ${role}.`,
    },
  },

  noEvents: "Nothing is recorded about this role.",
};
