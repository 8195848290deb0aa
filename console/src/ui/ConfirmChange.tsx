// Asks, runs a mutation if the answer is yes, and tells that it was done.
import type { ReactNode } from "react";
import type { AnyVariables, TypedDocumentNode } from "urql";

import { useChange, type Payload } from "../change";
import { Confirm } from "./Confirm";
import { useHere } from "./here";
import { useNotice } from "./notice";

interface ConfirmChangeProps<Data, Variables> {
  /** A mutation as `useChange` takes it. */
  document: TypedDocumentNode<Data, Variables>;
  variables: Variables;
  title: string;
  action: string;
  danger?: boolean;
  /** Why it cannot be done yet. */
  why?: string | false;
  /** What will happen. */
  children: ReactNode;
  /** What to say once it has happened. */
  done(payload: Payload<Data>): string;
  onDone?(): void;
  onClose(): void;
}

/** Shown while it is rendered. */
export function ConfirmChange<Data, Variables extends AnyVariables>(props: ConfirmChangeProps<Data, Variables>) {
  const { document, variables, done, onDone, onClose, children, ...confirm } = props;
  const here = useHere();
  const tell = useNotice();
  const change = useChange(document);
  const run = async () => {
    const payload = await change.run(variables);
    if (!payload) return;
    tell(done(payload));
    if (!here()) return;
    onClose();
    onDone?.();
  };
  return (
    <Confirm {...confirm} change={change} onConfirm={() => void run()} onClose={onClose}>
      {children}
    </Confirm>
  );
}
