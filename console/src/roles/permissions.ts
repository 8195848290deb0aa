// Which permissions a role is to grant, while somebody chooses them.
import { useAsk } from "../ask";
import { graphql } from "../graphql";

// Everything that there is to grant: it is the same until the server's configuration changes.
const CatalogueQuery = graphql(`
  query Catalogue {
    applications {
      id
      code
      name
      description
      permissions {
        code
        action
        description
      }
    }
  }
`);

export const useCatalogue = () => useAsk({ query: CatalogueQuery });

/** What somebody has ticked, or the opposite, of what stands at the server. */
export type Ticks = Readonly<Record<string, boolean>>;

const viewOf = (code: string) => `${code.slice(0, code.indexOf("."))}.view`;

/** Actions of an application imply to `view` it. */
export function isImplied(code: string, chosen: ReadonlySet<string>): boolean {
  return code === viewOf(code) && [...chosen].some((each) => each !== code && viewOf(each) === code);
}

/** What is granted with these ticks, by the server's rules. */
export function withTicks(granted: readonly string[], ticks: Ticks): Set<string> {
  const chosen = new Set([...granted, ...Object.keys(ticks)].filter((code) => ticks[code] ?? granted.includes(code)));
  for (const code of [...chosen]) chosen.add(viewOf(code));
  return chosen;
}

/** What has to be added and removed. */
export function difference(granted: readonly string[], chosen: ReadonlySet<string>) {
  return {
    addPermissions: [...chosen].filter((code) => !granted.includes(code)),
    removePermissions: granted.filter((code) => !chosen.has(code)),
  };
}
