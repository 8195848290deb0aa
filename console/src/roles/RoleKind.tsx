// What is special about a role, as a word beside its name.
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { Badge } from "../ui/Badge";

const KindFragment = graphql(`
  fragment RoleKind on Role {
    isProtected
    isManaged
  }
`);

export function RoleKind({ role }: { role: FragmentType<typeof KindFragment> }) {
  const { isProtected, isManaged } = readFragment(KindFragment, role);
  const { roles: words } = useMessages();
  if (isProtected) return <Badge tone="quiet">{words.builtIn}</Badge>;
  return isManaged && <Badge tone="quiet">{words.managed}</Badge>;
}
