// A secret link, for those who may see it. It is asked for by itself, and only when somebody wants it: the event
// log records who has seen one.
import { useState } from "react";
import type { TypedDocumentNode } from "urql";

import { useAsk } from "../ask";
import { ErrorMessage } from "../errors";
import { useMessages } from "../messages";
import { Button } from "./Button";
import { CopyButton } from "./CopyButton";

interface SecretLinkProps<Data> {
  query: TypedDocumentNode<Data, { id: string }>;
  id: string;
  /** Where it is in the answer. */
  linkIn(data: Data): string | null | undefined;
}

export function SecretLink<Data>({ query, id, linkIn }: SecretLinkProps<Data>) {
  const { common } = useMessages();
  const [isWanted, setWanted] = useState(false);
  const { data, error, again } = useAsk<Data, { id: string }>({
    query,
    variables: { id },
    pause: !isWanted,
    requestPolicy: "network-only",
  });
  const link = data && linkIn(data);
  if (!isWanted) {
    return (
      <p className="with-hint">
        <Button onPress={() => setWanted(true)}>{common.showLink}</Button>
        <small className="quiet">{common.showLinkHint}</small>
      </p>
    );
  }
  return (
    <>
      <ErrorMessage error={error} retry={again} />
      {data && !link && <p className="alert calm">{common.linkGone}</p>}
      {link && (
        <div className="secret" role="status">
          <code>{link}</code>
          <CopyButton text={link} label={common.copyLink} />
        </div>
      )}
    </>
  );
}
