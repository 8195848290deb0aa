// The filter by roles: any of some, or none at all.
import { useMessages } from "../messages";
import type { Address } from "../ui/address";
import { MultiSelect } from "../ui/fields";
import { NO_ROLE, rolesIn } from "./filter";
import type { RoleName } from "./roleNames";

export function RoleFilter({ address, roles }: { address: Address; roles: RoleName[] }) {
  const { users: words } = useMessages();
  const values = rolesIn(
    address,
    roles.map(({ id }) => id),
  );
  const choose = (chosen: string[]) => {
    // Nobody holds a role and none: what was chosen last holds.
    const isNone = chosen.includes(NO_ROLE) && !values.includes(NO_ROLE);
    address.change({ role: isNone ? NO_ROLE : chosen.filter((role) => role !== NO_ROLE) });
  };
  return (
    <MultiSelect
      label={words.roles}
      options={[...roles.map(({ id, name }) => ({ value: id, label: name })), { value: NO_ROLE, label: words.noRoles }]}
      values={values}
      onChange={choose}
    />
  );
}
