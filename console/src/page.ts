// What the server's HTML says about where the console is and what the deployment is called.
const { root = "/", playground } = document.documentElement.dataset;

const content = (selector: string, attribute: string) => document.querySelector(selector)?.getAttribute(attribute) ?? undefined;

export const page = {
  /** The path under which the server is, with slashes: "/" or "/auth/". */
  root,
  /** The path of the console, as the router wants it. */
  base: `${root}console`,
  /** The address of the playground, if there is one. */
  playground: playground || undefined,
  name: content("meta[name=application-name]", "content") ?? "Usher",
  logo: content("link[rel=icon]", "href") ?? `${root}pages/logo.svg`,
};

/** The page for signing in, which leads back to where somebody is now. */
export function signInAddress(): string {
  const here = location.pathname.slice(root.length) + location.search;
  return `${root}sign-in?next=${encodeURIComponent(here)}`;
}
