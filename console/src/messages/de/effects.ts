// What a change comes to, in German.
import type { effects as english } from "../en/effects";
import { plurals } from "../plural";

const plural = plurals("de");

export const effects = {
  title: "Was daraus folgt",
  holderCount: (count: number) =>
    count === 0
      ? "Niemand hat diese Rolle."
      : plural(count, { one: "# Person hat diese Rolle.", other: "# Personen haben diese Rolle." }),
  unknownHolders: "Wer diese Rolle hat, dürfen Sie nicht sehen: Es betrifft alle, die sie haben.",
  none: "An dem, was jemand darf, ändert sich nichts.",
  holders: {
    gained: "Sie dürfen dann auch:",
    gainedAfter: "Manchen erlaubt es vielleicht schon eine andere Rolle.",
    lost: "Sie dürfen dann nicht mehr:",
    lostAfter: "Es sei denn, eine andere ihrer Rollen erlaubt es.",
  },
  person: {
    gained: "Die Person darf dann auch:",
    lost: "Die Person darf dann nicht mehr:",
    renewed: "Die Person bekommt einen neuen Link, weil sie mehr dürfen wird: Der, den sie hat, funktioniert dann nicht mehr.",
  },
  nobody: { gained: "Die Rolle erlaubt dann auch:", lost: "Die Rolle erlaubt dann nicht mehr:" },
  renewed: (count: number) =>
    plural(count, {
      one: "# Person davon hat noch kein Passwort und bekommt einen neuen Link: Der alte funktioniert dann nicht mehr.",
      other: "# Personen davon haben noch kein Passwort und bekommen neue Links: Die alten funktionieren dann nicht mehr.",
    }),
  sessionsEnded: (count: number) => plural(count, { one: "# Sitzung endet.", other: "# Sitzungen enden." }),
} satisfies typeof english;
