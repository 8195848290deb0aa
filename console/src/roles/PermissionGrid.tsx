// Permissions as a grid: a row for each application, in which its actions stand. On a narrow screen, they stand
// below each other.
import { Checkbox } from "react-aria-components/Checkbox";
import { useId } from "react";

import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";
import { useSession } from "../session";
import { Icon } from "../ui/Icon";
import { Failed, Loading } from "../ui/states";
import { isImplied, useCatalogue } from "./permissions";

interface PermissionGridProps {
  chosen: ReadonlySet<string>;
  /** Without it, the grid only shows what is granted. */
  onTick?(code: string, isTicked: boolean): void;
  /** Of the text that says what is wrong with what was chosen. */
  errorId?: string;
}

export function PermissionGrid({ chosen, onTick, errorId }: PermissionGridProps) {
  const { data, error, again } = useCatalogue();
  const { roles: words } = useMessages();
  const { application } = usePermissionWords();
  const id = useId();

  if (!data) return error ? <Failed error={error} retry={again} /> : <Loading />;
  return (
    <div className="permission-grid">
      {data.applications.map(({ code, description, permissions }) => (
        <div className="permission-row" key={code} role="group" aria-labelledby={id + code}>
          <div className="permission-application">
            <b id={id + code}>{application(code)}</b>
            {description && <small className="quiet">{words.applicationDescriptions[code] ?? description}</small>}
          </div>
          <ul className="permission-actions">
            {permissions.map((permission) => (
              <li key={permission.code} data-action={permission.action}>
                {onTick ? (
                  <Choice
                    {...permission}
                    isTicked={chosen.has(permission.code)}
                    isImplied={isImplied(permission.code, chosen)}
                    errorId={errorId}
                    onTick={(isTicked) => onTick(permission.code, isTicked)}
                  />
                ) : (
                  <Granted {...permission} isGranted={chosen.has(permission.code)} />
                )}
              </li>
            ))}
          </ul>
        </div>
      ))}
    </div>
  );
}

interface ChoiceProps {
  code: string;
  description: string;
  isTicked: boolean;
  isImplied: boolean;
  errorId?: string;
  onTick(isTicked: boolean): void;
}

function Choice({ code, description, isTicked, isImplied, errorId, onTick }: ChoiceProps) {
  const { roles: words } = useMessages();
  const { may } = useSession();
  const { action } = usePermissionWords();
  const id = useId();
  // What was granted by somebody who may do more can still be taken away.
  const why = isImplied ? words.implied : !isTicked && !may(code) && words.notYours;
  return (
    // Read-only, where it may not be chosen: unlike a disabled one, it can be reached, and read.
    <Checkbox
      className="check permission"
      isSelected={isTicked}
      onChange={onTick}
      isReadOnly={Boolean(why)}
      isInvalid={Boolean(errorId)}
      aria-labelledby={`${id}-label`}
      aria-describedby={[`${id}-more`, errorId].filter(Boolean).join(" ")}
      data-off={Boolean(why) || undefined}
    >
      <span className="box" aria-hidden="true">
        <Icon name="check" />
      </span>
      <span>
        <span id={`${id}-label`}>{action(code)}</span>
        <span id={`${id}-more`}>
          <small>{words.permissionDescriptions[code] ?? description}</small>
          {why && <small className="reason">{why}</small>}
        </span>
      </span>
    </Checkbox>
  );
}

function Granted({ code, description, isGranted }: { code: string; description: string; isGranted: boolean }) {
  const { roles: words } = useMessages();
  const { action } = usePermissionWords();
  return (
    <div className="permission granted" data-granted={isGranted || undefined}>
      <Icon name={isGranted ? "check" : "minus"} />
      <span>
        <span className="unseen">{isGranted ? words.granted : words.notGranted}: </span>
        {action(code)}
        <small>{words.permissionDescriptions[code] ?? description}</small>
      </span>
    </div>
  );
}
