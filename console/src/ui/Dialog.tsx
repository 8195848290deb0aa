// Dialogs: the rest of the page waits until they are closed. react-aria keeps the focus inside, and gives it back.
import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

interface DialogProps {
  title: string;
  isOpen: boolean;
  /** Without it, the dialog cannot be closed but by what is in it. */
  onClose?(): void;
  role?: "dialog" | "alertdialog";
  children: ReactNode;
}

export function Dialog({ title, isOpen, onClose, role, children }: DialogProps) {
  return (
    <ModalOverlay
      className="overlay"
      isOpen={isOpen}
      onOpenChange={(isOpen) => !isOpen && onClose?.()}
      isDismissable={Boolean(onClose) && role !== "alertdialog"}
      isKeyboardDismissDisabled={!onClose}
    >
      <Modal className="modal">
        <AriaDialog className="dialog" role={role}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
