// What is typed and ticked about a role: the same for a new one and for one that is changed.
import { useId, type ReactNode } from "react";

import { useMessages } from "../messages";
import { TextField } from "../ui/fields";
import { useFieldErrors } from "../ui/form";
import { PermissionGrid } from "./PermissionGrid";

/** The fields that show their own errors. */
export const NAMES = ["name", "codeName", "description", "permissions", "addPermissions", "removePermissions"];

interface RoleFieldsProps {
  name: string;
  onName(name: string): void;
  description: string;
  onDescription(description: string): void;
  chosen: ReadonlySet<string>;
  onTick(code: string, isTicked: boolean): void;
  /** Stands beside the name. */
  children?: ReactNode;
}

export function RoleFields({ name, onName, description, onDescription, chosen, onTick, children }: RoleFieldsProps) {
  const { roles: words } = useMessages();
  const errors = [...useFieldErrors("permissions"), ...useFieldErrors("addPermissions"), ...useFieldErrors("removePermissions")];
  const id = useId();
  return (
    <>
      <div className="pair fields">
        <TextField name="name" label={words.name} value={name} onChange={onName} autoFocus />
        {children}
      </div>
      <TextField
        name="description"
        label={words.description}
        hint={words.descriptionHint}
        optional
        lines={2}
        value={description}
        onChange={onDescription}
      />
      <fieldset className="permissions">
        <legend>{words.grants}</legend>
        <p role="alert" id={id} className="error">
          {errors.join(" ")}
        </p>
        <p className="hint">{words.grantsHint}</p>
        <PermissionGrid chosen={chosen} onTick={onTick} errorId={errors.length > 0 ? id : undefined} />
      </fieldset>
    </>
  );
}
