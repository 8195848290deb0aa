// Going through a list page by page. The server's cursors say where a page begins, however the list changes meanwhile.
import { useMessages } from "../messages";
import type { Address } from "./address";
import { Button } from "./Button";

interface PagerProps {
  address: Address;
  info?: { hasPreviousPage: boolean; hasNextPage: boolean; startCursor?: string | null; endCursor?: string | null };
  /** How many there are, in words: "1,204 people". */
  total?: string;
}

export function Pager({ address, info, total }: PagerProps) {
  const { common } = useMessages();
  const go = (position: { after?: string; before?: string }) => {
    address.change(position);
    scrollTo({ top: 0 });
  };
  // At an end of the list, the way on that there is not is no button: there is nothing to be told about it.
  return (
    <nav className="pager" aria-label={common.pages}>
      <p role="status" className="quiet">
        {total}
      </p>
      <div className="buttons">
        {info?.hasPreviousPage && (
          <Button icon="left" onPress={() => go({ before: info.startCursor ?? undefined })}>
            {common.previous}
          </Button>
        )}
        {info?.hasNextPage && (
          <Button icon="right" onPress={() => go({ after: info.endCursor ?? undefined })}>
            {common.next}
          </Button>
        )}
      </div>
    </nav>
  );
}
