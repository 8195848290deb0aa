// Going through a list page by page. The server's cursors say where a page begins, however the list changes meanwhile.
import { useMessages } from "../messages";
import type { Address } from "./address";
import { Button } from "./Button";
import { useKeptFocus } from "./focus";

interface PagerProps {
  address: Address;
  info?: { hasPreviousPage: boolean; hasNextPage: boolean; startCursor?: string | null; endCursor?: string | null };
  /** How many there are, in words: "1,204 people". */
  total?: string;
  /** Whether the list is being asked for: what is shown may be of another filter, and so are its cursors. */
  busy?: boolean;
}

export function Pager({ address, info, total, busy }: PagerProps) {
  const { common } = useMessages();
  const kept = useKeptFocus<HTMLDivElement>();
  const go = (position: { after?: string; before?: string }) => {
    address.change(position);
    // The list is a part of a page, of which there may be others above it.
    const place = kept.ref.current?.parentElement;
    if (place && place.getBoundingClientRect().top < 0) place.scrollIntoView();
  };
  // At an end of the list, the way on that there is not is no button: there is nothing to be told about it.
  const isPaged = info?.hasPreviousPage || info?.hasNextPage;
  return (
    // Of a list that is all in sight, there are no pages to find.
    <div {...kept} className="pager" {...(isPaged && { role: "navigation", "aria-label": common.pages })}>
      <p role="status" className="quiet">
        {total}
      </p>
      <div className="buttons">
        {info?.hasPreviousPage && (
          <Button icon="left" busy={busy} onPress={() => go({ before: info.startCursor ?? undefined })}>
            {common.previous}
          </Button>
        )}
        {info?.hasNextPage && (
          <Button icon="right" busy={busy} onPress={() => go({ after: info.endCursor ?? undefined })}>
            {common.next}
          </Button>
        )}
      </div>
    </div>
  );
}
