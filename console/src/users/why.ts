// Why something cannot be done to a person. `viewerCan` says whether; the reason is found by the same rules.
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";
import { useSession } from "../session";

const ReasonsFragment = graphql(`
  fragment Reasons on User {
    id
    grantedPermissions
  }
`);

interface Question {
  can: boolean;
  permission: string;
  /** What to say if neither permissions nor the viewer's own account are the reason. */
  otherwise?: string;
  own?: string;
}

export function useWhy(masked: FragmentType<typeof ReasonsFragment>) {
  const user = readFragment(ReasonsFragment, masked);
  const { common, users: words } = useMessages();
  const { viewer, may } = useSession();
  const { some } = usePermissionWords();

  return ({ can, permission, otherwise = words.notNow, own = words.ownAccount }: Question): string | false => {
    if (can) return false;
    if (!may(permission)) return common.needsPermission(permission);
    if (user.id === viewer.id) return own;
    const beyond = user.grantedPermissions.filter((granted) => !may(granted));
    return beyond.length > 0 ? words.exceeds(some(beyond)) : otherwise;
  };
}
