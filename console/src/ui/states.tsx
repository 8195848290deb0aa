// What is shown while nothing else can be: loading, nothing there, or it failed.
import type { ReactNode } from "react";
import type { CombinedError } from "urql";

import { ErrorMessage } from "../errors";
import { useMessages } from "../messages";

export function Loading() {
  const { common } = useMessages();
  return (
    <p className="loading quiet" role="status" aria-busy="true">
      {common.loading}
    </p>
  );
}

/** `children` say what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p>{title}</p>
      {children}
    </div>
  );
}

export function Failed({ error, retry }: { error: CombinedError; retry(): void }) {
  return <ErrorMessage error={error} retry={retry} />;
}

/** In the place of a form that the viewer may not send. */
export function NotAllowed({ permission }: { permission: string }) {
  const { common } = useMessages();
  return <p className="alert calm">{common.needsPermission(permission)}</p>;
}
