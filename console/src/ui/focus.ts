// Where the focus goes when what had it is gone.
import { useEffect, useRef } from "react";

/** As the `ref` of an element with `tabIndex={-1}`: it takes the focus when it appears, and is read out. */
export const takeFocus = (element: HTMLElement | null) => element?.focus();

/** The same for what appears when a dialog is closed: until that is gone, it keeps the focus. */
export const takeFocusAfterDialog = (element: HTMLElement | null) => {
  if (element) setTimeout(() => element.focus());
};

/** For a dialog whose answer takes away what opened it: once it is `done`, what has the `ref` takes the focus instead. */
export function useFocusAfterDialog<Place extends HTMLElement>(isOpen: boolean) {
  const ref = useRef<Place>(null);
  const isDone = useRef(false);
  useEffect(() => {
    if (isOpen || !isDone.current) return;
    isDone.current = false;
    takeFocusAfterDialog(ref.current);
  }, [isOpen]);
  const done = () => {
    isDone.current = true;
  };
  return { ref, done };
}
