// What has come into a list since it was shown: shown at once to those who are at its top, and counted for those
// who have read on, so that nobody loses their place.
import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";

import type { Address } from "./address";
import { Button } from "./Button";

const NEAR_THE_TOP = 100;

/** Several things often come together. */
const TOGETHER_MS = 300;

export interface Unseen {
  count: number;
  /** Something has come. */
  add(): void;
  /** Goes to the top, where it is. */
  show(): void;
}

/** `again` asks the server for the list. */
export function useUnseen(address: Address, again: () => void): Unseen {
  const [count, setCount] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const isFirstPage = !address.has("after", "before");

  const add = useCallback(() => {
    if (!isFirstPage || scrollY > NEAR_THE_TOP) return setCount((count) => count + 1);
    clearTimeout(timer.current);
    timer.current = setTimeout(again, TOGETHER_MS);
  }, [isFirstPage, again]);
  const show = () => {
    setCount(0);
    if (isFirstPage) again();
    else address.change({});
    scrollTo({ top: 0 });
  };
  return { count, add, show };
}

/** `children` say how many there are. */
export function Unseen({ unseen, children }: { unseen: Unseen; children(count: number): ReactNode }) {
  return <div role="status">{unseen.count > 0 && <Button icon="up" onPress={unseen.show}>{children(unseen.count)}</Button>}</div>;
}
