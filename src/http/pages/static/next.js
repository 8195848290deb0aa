// Where a person goes once they are signed in: to `?next=`, which may come from anywhere. Only pages
// of this server and of the allowed origins are gone to, so that nobody can make a link that passes
// through the sign-in page and ends at a page of their own (OWASP: unvalidated redirects).

const ALLOWED = document.querySelector("meta[name=allowed-origins]").content.split(" ");
const asked = new URLSearchParams(location.search).get("next");
const page = allowed(asked);

function allowed(address) {
  let url;
  try {
    // Whatever the text is, the browser is later given what was checked here: the parsed address.
    url = new URL(address ?? ".", document.baseURI);
  } catch {
    return null;
  }
  // An application in a web view has an origin such as capacitor://localhost, which `origin` hides.
  const origin = `${url.protocol}//${url.host}`;
  const isHere = origin === location.origin && url.pathname === location.pathname;
  const isAllowed = origin === location.origin || ALLOWED.includes(origin);
  return address && isAllowed && !isHere && !url.username && !url.password ? url.href : null;
}

/** The address to go to: that of `?next=`, or the dashboard. */
export const nextPage = () => page ?? ".";

/** Another of these pages, which is told the same `?next=`. */
export const withNext = (path) => (page ? `${path}?next=${encodeURIComponent(asked)}` : path);
