// What a change comes to, in German.
import type { effects as english } from "../en/effects";
import { plurals } from "../plural";

const plural = plurals("de");

export const effects = {
  title: "Was sich ändern würde",
  holderCount: (count: number) =>
    count === 0
      ? "Niemand hat diese Rolle."
      : plural(count, { one: "# Person hat diese Rolle.", other: "# Personen haben diese Rolle." }),
  unknownHolders: "Sie dürfen nicht sehen, wer diese Rolle hat. Die Änderung betrifft alle, die sie haben.",
  none: "Niemand darf dadurch mehr oder weniger.",
  holders: {
    gained: "Diese Personen dürfen dann zusätzlich:",
    gainedAfter: "Manchen erlaubt das vielleicht schon eine andere Rolle.",
    lost: "Diese Personen dürfen dann nicht mehr:",
    lostAfter: "Es sei denn, eine andere ihrer Rollen erlaubt es.",
  },
  person: {
    gained: "Die Person darf dann zusätzlich:",
    lost: "Die Person darf dann nicht mehr:",
    renewed: "Weil die Person mehr dürfen wird, bekommt sie einen neuen Link. Der bisherige funktioniert dann nicht mehr.",
  },
  nobody: { gained: "Die Rolle erlaubt dann zusätzlich:", lost: "Die Rolle erlaubt dann nicht mehr:" },
  renewed: (count: number) =>
    plural(count, {
      one: "# dieser Personen hat noch kein Passwort und bekommt einen neuen Link. Der alte funktioniert dann nicht mehr.",
      other: "# dieser Personen haben noch kein Passwort und bekommen neue Links. Die alten funktionieren dann nicht mehr.",
    }),
  sessionsEnded: (count: number) => plural(count, { one: "# Sitzung endet.", other: "# Sitzungen enden." }),
} satisfies typeof english;
