/**
 * What the browser remembers: GraphiQL keeps tabs and history in the local storage. Passwords,
 * tokens and headers are left out of it; they stay on the screen until the page is closed.
 */
const PREFIX = "graphiql:";

/** A string value under one of these names, in variables (JSON) or in a document (GraphQL). */
const SECRET =
  /("?)\b(password|currentPassword|newPassword|token)\1(\s*:\s*)(?:"""[^]*?(?:"""|$)|"(?:[^"\\\n]|\\.)*"?)/g;

export function withoutSecrets(text: string): string {
  return text.replace(SECRET, '$1$2$1$3""');
}

/** The same for a value as GraphiQL stores it: the text of one editor, or JSON that holds many. */
function storable(key: string, value: string): string {
  if (key === `${PREFIX}query` || key === `${PREFIX}variables`) return withoutSecrets(value);
  try {
    return JSON.stringify(JSON.parse(value), (name, inner) => {
      if (name === "headers") return null;
      return typeof inner === "string" ? withoutSecrets(inner) : inner;
    });
  } catch {
    return value;
  }
}

export const storage = {
  getItem: (key: string) => localStorage.getItem(key),
  setItem: (key: string, value: string) => localStorage.setItem(key, storable(key, value)),
  removeItem: (key: string) => localStorage.removeItem(key),
  clear: () => ours().forEach((key) => localStorage.removeItem(key)),
  get length() {
    return ours().length;
  },
};

function ours(): string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
}

/** The query and variables of the tab that was open when the page was left, if it was here before. */
export function lastActiveTab(): { query: string; variables: string } | undefined {
  try {
    const { tabs, activeTabIndex } = JSON.parse(storage.getItem(`${PREFIX}tabState`) ?? "{}");
    const tab = tabs[Math.min(Math.max(activeTabIndex, 0), tabs.length - 1)];
    return { query: tab.query ?? "", variables: tab.variables ?? "" };
  } catch {
    return undefined;
  }
}
