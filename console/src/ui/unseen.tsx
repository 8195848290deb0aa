// What has come into a list since it was shown: shown at once to those who are at its top, and counted for those
// who have read on, so that nobody loses their place.
import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";

import type { Address } from "./address";
import { Button } from "./Button";
import { focusTitle } from "./focus";

const NEAR_THE_TOP = 100;

/** Several things often come together. */
const TOGETHER_MS = 300;

export interface Unseen {
  count: number;
  /** Something has come. */
  add(): void;
  /** Something of what is shown has gone. */
  refresh(): void;
  /** Goes to the top, where it is. */
  show(): void;
}

interface List {
  /** What the list shows: with another filter, nothing has come yet. */
  of: unknown;
  /** Asks the server for the list. */
  again(): void;
}

export function useUnseen(address: Address, { of, again }: List): Unseen {
  const key = JSON.stringify(of);
  const [{ count, counted }, setCount] = useState({ count: 0, counted: key });
  if (counted !== key) setCount({ count: 0, counted: key });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const isFirstPage = !address.has("after", "before");

  const refresh = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      again();
    }, TOGETHER_MS);
  }, [again]);
  const add = useCallback(() => {
    if (isFirstPage && scrollY <= NEAR_THE_TOP) refresh();
    else setCount(({ count, counted }) => ({ count: count + 1, counted }));
  }, [isFirstPage, refresh]);
  const show = () => {
    setCount({ count: 0, counted: key });
    if (isFirstPage) again();
    else address.change({});
    // The button goes, and its focus with it.
    focusTitle();
    scrollTo({ top: 0 });
  };
  return { count, add, refresh, show };
}

/** `children` say how many there are. */
export function Unseen({ unseen, children }: { unseen: Unseen; children(count: number): ReactNode }) {
  return (
    <div role="status" className="arrivals">
      {unseen.count > 0 && (
        <Button look="primary" icon="up" onPress={unseen.show}>
          {children(unseen.count)}
        </Button>
      )}
    </div>
  );
}
