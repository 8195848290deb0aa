// Buttons. One that may not be used stays in the order of the Tab key, so that everybody can read why.
import { useId, type ReactNode } from "react";
import { Link } from "wouter";

import { Icon, type IconName } from "./Icon";

// Escape takes away the reason that is shown, until one is pointed at or reached again.
const hush = (isHushed: boolean) => document.body.classList.toggle("hushed", isHushed);
addEventListener("keydown", ({ key }) => key === "Escape" && hush(true), true);
for (const event of ["pointerover", "focusin"]) addEventListener(event, () => hush(false));

interface ButtonProps {
  children: ReactNode;
  /** Secondary unless it says otherwise; `primary` is the one thing that a page or a dialog is for. */
  look?: "primary" | "secondary" | "plain" | "danger";
  icon?: IconName;
  type?: "button" | "submit";
  /** Why it may not be used; then it does nothing but say so. */
  why?: string | false;
  /** Whether what it began is still under way. */
  busy?: boolean;
  onPress?(): void;
  label?: string;
  autoFocus?: boolean;
  /** Whether what it shows and hides is shown. */
  isExpanded?: boolean;
}

export function Button({ children, look = "secondary", icon, type = "button", why, busy, ...button }: ButtonProps) {
  const { onPress, label, autoFocus, isExpanded } = button;
  const id = useId();
  const isOff = Boolean(why) || Boolean(busy);
  return (
    <span className="button-place">
      <button
        type={type}
        className={`button ${look}`}
        aria-label={label}
        aria-disabled={isOff || undefined}
        aria-busy={busy || undefined}
        aria-expanded={isExpanded}
        aria-describedby={why ? id : undefined}
        autoFocus={autoFocus}
        onClick={(event) => {
          if (isOff) event.preventDefault();
          else onPress?.();
        }}
      >
        {icon && <Icon name={icon} />}
        {children}
      </button>
      {why && (
        <span role="tooltip" id={id} className="why">
          {why}
        </span>
      )}
    </span>
  );
}

interface LinkButtonProps {
  children: ReactNode;
  href: string;
  look?: "primary" | "secondary";
  icon?: IconName;
  /** Why the page that it leads to may not be used; then it is a button that says so. */
  why?: string | false;
  /** What is done besides. */
  onPress?(): void;
}

/** A link to another page of the console that looks like a button. */
export function LinkButton({ children, href, look = "secondary", icon, why, onPress }: LinkButtonProps) {
  if (why)
    return (
      <Button look={look} icon={icon} why={why}>
        {children}
      </Button>
    );
  return (
    <Link href={href} className={`button ${look}`} onClick={onPress}>
      {icon && <Icon name={icon} />}
      {children}
    </Link>
  );
}
