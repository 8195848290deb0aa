// What a change comes to: of a role for all who hold it, or of the roles of one user.
import { plurals } from "../plural";

const plural = plurals("en");

export const effects = {
  title: "What would change",
  holderCount: (count: number) =>
    count === 0 ? "Nobody holds this role." : plural(count, { one: "# user holds this role.", other: "# users hold this role." }),
  unknownHolders: "You may not see who holds this role: it concerns all of them.",
  none: "Nothing changes in what anybody may do.",
  holders: {
    gained: "They may then also:",
    gainedAfter: "Some may be allowed it by another role already.",
    lost: "They may then no longer:",
    lostAfter: "Unless another role that they hold allows it.",
  },
  person: {
    gained: "They may then also:",
    lost: "They may then no longer:",
    renewed: "They are sent a new link, because they come to be allowed more: the one that they have stops working.",
  },
  nobody: { gained: "The role then also allows:", lost: "The role then no longer allows:" },
  renewed: (count: number) =>
    plural(count, {
      one: "# of them has not signed up yet and is sent a new link: the old one stops working.",
      other: "# of them have not signed up yet and are sent new links: the old ones stop working.",
    }),
  sessionsEnded: (count: number) => plural(count, { one: "# session ends.", other: "# sessions end." }),
};
