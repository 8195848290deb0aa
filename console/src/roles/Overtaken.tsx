// Somebody else has changed the role while it was being changed here: what they changed, and the choice of what shall hold.
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";
import { Button } from "../ui/Button";
import { difference } from "./permissions";

const VersionFragment = graphql(`
  fragment RoleVersion on Role {
    name
    description
    permissions
  }
`);

interface OvertakenProps {
  isShown: boolean;
  /** The role as it stood when the form was begun. */
  before: FragmentType<typeof VersionFragment>;
  now: FragmentType<typeof VersionFragment>;
  onNewest(): void;
  onMine(): void;
}

export function Overtaken({ isShown, before: maskedBefore, now: maskedNow, onNewest, onMine }: OvertakenProps) {
  const before = readFragment(VersionFragment, maskedBefore);
  const now = readFragment(VersionFragment, maskedNow);
  const { roles } = useMessages();
  const words = roles.edit;
  const { list } = usePermissionWords();
  const { addPermissions, removePermissions } = difference(before.permissions, new Set(now.permissions));

  const lines = [
    now.name !== before.name && `${roles.name}: ${now.name}`,
    now.description !== before.description && `${roles.description}: ${now.description ?? words.empty}`,
    ...list(addPermissions).map((line) => words.theyAdded(line)),
    ...list(removePermissions).map((line) => words.theyRemoved(line)),
  ].filter(Boolean);
  return (
    <div role="alert" className="errors">
      {isShown && (
        <div className="alert calm overtaken">
          <p>
            <b>{words.overtaken}</b>
          </p>
          <ul>
            {lines.map((line) => (
              <li key={String(line)}>{line}</li>
            ))}
          </ul>
          <p>{words.overtakenChoice}</p>
          <div className="buttons">
            <Button onPress={onMine}>{words.keepMine}</Button>
            <Button onPress={onNewest}>{words.takeNewest}</Button>
          </div>
        </div>
      )}
    </div>
  );
}
