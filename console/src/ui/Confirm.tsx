// Asks before something is done that concerns others, and says what will happen.
import type { ReactNode } from "react";
import { Text } from "react-aria-components/Text";
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
  /** Instead of "Cancel", where that could be taken for the action. */
  dismiss?: string;
  danger?: boolean;
  /** Why it cannot be done yet. */
  why?: string | false;
  /** Whether something has to be known first. */
  isWaiting?: boolean;
  /** What became of it, as `useChange` says. */
  change: { busy: boolean; error?: CombinedError; userErrors: Refusal; reset(): void };
  onConfirm(): void;
  onClose(): void;
}

/** Shown while it is rendered. */
export function Confirm({ title, children, action, dismiss, danger, why, isWaiting, change, onConfirm, onClose }: ConfirmProps) {
  const { common } = useMessages();
  const close = () => {
    change.reset();
    onClose();
  };
  return (
    // What is under way cannot be called back: nothing closes the dialog before its outcome is known.
    <Dialog title={title} isOpen onClose={change.busy ? undefined : close} role="alertdialog">
      <Text slot="description" elementType="div" className="dialog-text">
        {children}
      </Text>
      <ErrorMessage error={change.error} />
      <Complaints errors={change.userErrors} />
      <div className="buttons end">
        <Button busy={change.busy} onPress={close} autoFocus>
          {dismiss ?? common.cancel}
        </Button>
        <Button look={danger ? "danger" : "primary"} why={why} busy={change.busy || isWaiting} onPress={onConfirm}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
