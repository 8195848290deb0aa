// Which of the people and things that events are about are still there: only those have a page to lead to.
import { useAsk } from "../ask";
import { graphql } from "../graphql";
import { useSession } from "../session";

const ExistingQuery = graphql(`
  query ExistingThings($ids: [ID!]!) {
    nodes(ids: $ids) {
      id
    }
  }
`);

/** The application that shows something, by its type in events. */
const APPLICATIONS: Record<string, string> = { user: "users", role: "roles", email: "email-queue" };

export interface Thing {
  type?: string | null;
  id?: string | null;
}

/** The server takes so many IDs at once: two for each event of a page. */
const AT_MOST = 100;

/** The address of the page of each, as far as there is one and the viewer may see it. */
export function usePages(things: readonly Thing[]): (thing: Thing) => string | undefined {
  const { may } = useSession();
  const applicationOf = ({ type }: Thing) => {
    const application = type ? APPLICATIONS[type] : undefined;
    return application && may(`${application}.view`) ? application : undefined;
  };
  const ids = new Set(things.filter(applicationOf).flatMap(({ id }) => id ?? []));
  const variables = { ids: [...ids].sort().slice(0, AT_MOST) };
  const { data } = useAsk({ query: ExistingQuery, variables, pause: ids.size === 0 });
  const existing = new Set(data?.nodes.map((node) => node?.id));
  return (thing) => {
    const application = applicationOf(thing);
    return application && thing.id && existing.has(thing.id) ? `/${application}/${encodeURIComponent(thing.id)}` : undefined;
  };
}
