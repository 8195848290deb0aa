// Words that all pages share, in German.
import type { common as english } from "../en/common";
import { plurals } from "../plural";

const plural = plurals("de");

export const common = {
  loading: "Wird geladen …",
  tryAgain: "Noch einmal versuchen",
  close: "Schließen",
  cancel: "Abbrechen",
  save: "Speichern",
  back: "Zurück",
  optional: "freiwillig",
  none: "keine",
  never: "nie",
  all: "alle",
  copy: "Kopieren",
  copied: "Kopiert",
  copyFailed: "Ihr Browser hat es nicht erlaubt. Markieren und kopieren Sie den Text von Hand.",
  pages: "Seiten der Liste",
  previous: "Zurück",
  next: "Weiter",
  filters: "Filter",
  search: "Suchen",
  clearFilters: "Filter aufheben",
  clearSearch: "Suche leeren",
  select: "Auswählen",
  selectAll: "Alle auf dieser Seite auswählen",
  selectOne: (name: string) => `${name} auswählen`,
  selected: (count: number) => plural(count, { one: "# ausgewählt", other: "# ausgewählt" }),
  clearSelection: "Auswahl aufheben",
  sortedAscending: "aufsteigend sortiert",
  sortedDescending: "absteigend sortiert",
  sortBy: "Sortieren nach",
  showMore: "Mehr anzeigen",
  notFoundTitle: "Diese Seite gibt es nicht",
  notFound: "Vielleicht ist ein Tippfehler in der Adresse, vielleicht wurde gelöscht, was hier war, oder Sie dürfen es nicht sehen.",
  needsPermission: (permission: string) => `Ihnen fehlt die Berechtigung dafür (${permission}).`,
} satisfies typeof english;
