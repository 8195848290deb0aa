// Why something cannot be done to a role. `viewerCan` says whether; the reason is found by the same rules.
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";
import { useSession } from "../session";

const ReasonsFragment = graphql(`
  fragment RoleReasons on Role {
    id
    isProtected
    isManaged
    unknownPermissions
    viewerCan {
      assign
      delete
      update
    }
    ...Grants
  }
`);

const PERMISSIONS = { update: "roles.update", delete: "roles.delete" };

/** `ownRoles` are the IDs of the roles that the viewer holds. */
export function useRoleWhy(masked: FragmentType<typeof ReasonsFragment>, ownRoles: readonly string[] = []) {
  const role = readFragment(ReasonsFragment, masked);
  const { common, roles: words } = useMessages();
  const { may } = useSession();
  const { beyond, some } = usePermissionWords();

  const exceeding = () => {
    const lacking = beyond(role);
    if (lacking.length > 0) return words.exceeds(some(lacking));
    return Boolean(role.unknownPermissions?.length) && words.holdsUnknown;
  };
  return {
    /** Why it cannot be changed or deleted. */
    change(action: "update" | "delete"): string | false {
      if (role.viewerCan[action]) return false;
      if (!may(PERMISSIONS[action])) return common.needsPermission(PERMISSIONS[action]);
      if (role.isProtected) return words.isProtected;
      if (role.isManaged) return words.isManaged;
      return exceeding() || (ownRoles.includes(role.id) ? words.isOwn : words.holderExceeds);
    },
    /** Why it cannot be given to anybody. */
    assign(): string | false {
      if (role.viewerCan.assign) return false;
      if (!may("users.update")) return common.needsPermission("users.update");
      return exceeding() || words.notNow;
    },
  };
}
