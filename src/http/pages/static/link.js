// The token of a link in an e-mail. It leaves the address bar, so that it is on no screen and in no
// list of visited pages, and stays with this tab: a reload, back and forward, a duplicate of the tab,
// and a tab that a phone has dropped all find it again, until it has served its purpose.
import { showState } from "./forms.js";

const KEY = `usher:token:${location.pathname}`;

/** Finds the page when its address was entered anew; nothing where the browser stores nothing. */
const storage = {
  get: () => attempt(() => sessionStorage.getItem(KEY)),
  set: (token) => attempt(() => sessionStorage.setItem(KEY, token)),
  remove: () => attempt(() => sessionStorage.removeItem(KEY)),
};

function attempt(action) {
  try {
    return action();
  } catch {
    return null;
  }
}

// Another link to this page differs behind the # alone, and so does the way back from it: the browser would
// stay with what it shows.
addEventListener("popstate", () => location.reload());

/** The link's token, if there is one, or what this page has `said` about a link that is dead. It stands behind
 * the #, which browsers send to no server; in the query, where a deployment has it there. */
export function takeLink() {
  const address = new URL(location.href);
  const fragment = new URLSearchParams(address.hash.slice(1));
  const token = fragment.get("token") ?? address.searchParams.get("token");
  if (token !== null) {
    address.hash = "";
    address.searchParams.delete("token");
    history.replaceState({ token }, "", address.href.replace(/#$/, ""));
    storage.set(token);
    return { token };
  }
  const { token: kept, said } = history.state ?? {};
  return said ? { said } : { token: kept ?? storage.get() ?? "" };
}

/** The token has served its purpose. `said` is what a reload shows from now on. */
export function forget(said) {
  history.replaceState(said ? { said } : null, "");
  storage.remove();
}

/** Forgets the token, and shows what has become of it. */
export function conclude(...said) {
  forget(said);
  showState(...said);
}
