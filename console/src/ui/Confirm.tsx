// Asks before something is done that concerns others, and says what will happen.
import type { ReactNode } from "react";
import type { CombinedError } from "urql";

import { ErrorMessage } from "../errors";
import { useMessages } from "../messages";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { Complaints, type Refusal } from "./form";

interface ConfirmProps {
  title: string;
  /** What will happen. */
  children: ReactNode;
  action: string;
  danger?: boolean;
  /** Why it cannot be done yet. */
  why?: string | false;
  /** What became of it, as `useChange` says. */
  change: { busy: boolean; error?: CombinedError; userErrors: Refusal; reset(): void };
  onConfirm(): void;
  onClose(): void;
}

/** Shown while it is rendered. */
export function Confirm({ title, children, action, danger, why, change, onConfirm, onClose }: ConfirmProps) {
  const { common } = useMessages();
  const close = () => {
    change.reset();
    onClose();
  };
  return (
    <Dialog title={title} isOpen onClose={close} role="alertdialog">
      <div className="dialog-text">{children}</div>
      <ErrorMessage error={change.error} />
      <Complaints errors={change.userErrors} />
      <div className="buttons end">
        <Button onPress={close} autoFocus>
          {common.cancel}
        </Button>
        <Button look={danger ? "danger" : "primary"} why={why} busy={change.busy} onPress={onConfirm}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
