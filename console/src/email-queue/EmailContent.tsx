// What an e-mail looks like: as a page, as text, and its source.
import { useEffect, useState } from "react";

import { useMessages } from "../messages";
import { page } from "../page";
import { Section } from "../ui/Page";
import { Loading } from "../ui/states";

interface EmailContentProps {
  id: string;
  text: string;
  /** Whether the source does, to this viewer. */
  showsLink: boolean;
}

export function EmailContent({ id, text, showsLink }: EmailContentProps) {
  const { emailQueue: words } = useMessages();
  const file = `${page.root}emails/${encodeURIComponent(id)}`;
  const isThere = useIsThere(`${file}.html`);
  return (
    <Section
      title={words.content}
      actions={
        <a className="button secondary" href={`${file}.eml`} download>
          {words.source}
        </a>
      }
    >
      <p className="quiet">
        {words.masked} {showsLink && words.sourceShowsLink}
      </p>
      {isThere === undefined && <Loading />}
      {isThere === false && <p className="alert calm">{words.contentFailed}</p>}
      {/* The server's policy for it allows no script and no foreign request; the attribute says so once more. */}
      {isThere && <iframe className="email-frame" sandbox="" title={words.content} src={`${file}.html`} />}
      <details open={isThere === false}>
        <summary>{words.asText}</summary>
        <pre className="email-text" dir="auto">
          {text}
        </pre>
      </details>
    </Section>
  );
}

/** Whether there is a page at an address: a frame does not tell. */
function useIsThere(address: string): boolean | undefined {
  const [isThere, setThere] = useState<boolean>();
  useEffect(() => {
    const request = new AbortController();
    fetch(address, { method: "HEAD", signal: request.signal }).then(
      ({ ok }) => setThere(ok),
      () => !request.signal.aborted && setThere(false),
    );
    return () => request.abort();
  }, [address]);
  return isThere;
}
