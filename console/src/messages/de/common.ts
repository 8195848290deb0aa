// Words that all pages share, in German.
import type { common as english } from "../en/common";
import { plurals } from "../plural";

const plural = plurals("de");

export const common = {
  loading: "Wird geladen …",
  tryAgain: "Erneut versuchen",
  close: "Schließen",
  cancel: "Abbrechen",
  save: "Speichern",
  optional: "optional",
  all: "alle",
  copy: "Kopieren",
  copied: "Kopiert",
  copyFailed: "Ihr Browser hat das Kopieren nicht erlaubt. Markieren und kopieren Sie den Text von Hand.",
  showLink: "Link anzeigen",
  linkGone: "Der Link funktioniert nicht mehr, oder Sie dürfen ihn nicht sehen.",
  showLinkHint: "Das Ereignisprotokoll hält fest, wer ihn gesehen hat.",
  copyLink: "Link kopieren",
  pages: "Seiten der Liste",
  previous: "Zurück",
  next: "Weiter",
  filters: "Filter",
  filtersUsed: (count: number) => (count ? `Filter (${count})` : "Filter"),
  clearFilters: "Filter zurücksetzen",
  clearSearch: "Suche leeren",
  selectAll: "Alle auf dieser Seite auswählen",
  selectOne: (name: string) => `${name} auswählen`,
  selected: (count: number) => plural(count, { one: "# ausgewählt", other: "# ausgewählt" }),
  clearSelection: "Auswahl aufheben",
  sortedAscending: "aufsteigend sortiert",
  sortedDescending: "absteigend sortiert",
  sortBy: "Sortieren nach",
  showMore: "Mehr anzeigen",
  notFoundTitle: "Diese Seite gibt es nicht",
  notFound: "Vielleicht enthält die Adresse einen Tippfehler, vielleicht wurde gelöscht, was hier stand, oder Sie dürfen es nicht sehen.",
  needsPermission: (permission: string) => `Ihnen fehlt die Berechtigung dafür (${permission}).`,
} satisfies typeof english;
