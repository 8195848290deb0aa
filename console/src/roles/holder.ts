// Why somebody cannot be given a role, or have one taken away.
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useWhy } from "../users/why";

const ReasonsFragment = graphql(`
  fragment HolderReasons on User {
    id
    viewerCan {
      assignRoles
    }
    ...Reasons
  }
`);

export function useHolderWhy(masked: FragmentType<typeof ReasonsFragment>): string | false {
  const user = readFragment(ReasonsFragment, masked);
  const { users: words } = useMessages();
  const why = useWhy(user);
  return why({ can: user.viewerCan.assignRoles, permission: "users.update", own: words.ownRoles });
}
