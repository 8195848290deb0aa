// A secret link, for those who may see it. It is asked for once, and only when somebody wants it: the event log
// records each time that one is shown.
import { useState } from "react";
import { useClient, type CombinedError, type TypedDocumentNode } from "urql";

import { ErrorMessage } from "../errors";
import { useMessages } from "../messages";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";
import { takeFocus } from "./focus";

interface SecretLinkProps<Data> {
  query: TypedDocumentNode<Data, { id: string }>;
  id: string;
  /** Where it is in the answer. */
  linkIn(data: Data): string | null | undefined;
}

interface Answer {
  busy?: boolean;
  error?: CombinedError;
  /** Null if there is none. */
  link?: string | null;
}

export function SecretLink<Data>({ query, id, linkIn }: SecretLinkProps<Data>) {
  const { common, emailQueue } = useMessages();
  const client = useClient();
  const [{ busy, error, link }, setAnswer] = useState<Answer>({});
  // Not by `useAsk`, which asks again whenever something has changed.
  const ask = async () => {
    setAnswer({ busy: true });
    const { data, error } = await client.query(query, { id }, { requestPolicy: "network-only" });
    setAnswer({ error, link: data && (linkIn(data) ?? null) });
  };
  if (link) {
    return (
      <div className="secret" ref={takeFocus} tabIndex={-1} role="group" aria-label={emailQueue.link}>
        <code>{link}</code>
        <CopyButton text={link} label={common.copyLink} />
      </div>
    );
  }
  if (link === null) {
    return (
      <p className="alert calm" ref={takeFocus} tabIndex={-1}>
        {common.linkGone}
      </p>
    );
  }
  return (
    <>
      <ErrorMessage error={error} />
      <p className="with-hint">
        <Button busy={busy} onPress={() => void ask()}>
          {common.showLink}
        </Button>
        <small className="quiet">{common.showLinkHint}</small>
      </p>
    </>
  );
}
