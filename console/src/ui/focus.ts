// Where the focus goes when what had it is gone.
import { useEffect, useLayoutEffect, useRef } from "react";

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

/** The title of the page, for what takes away much of it. */
export const focusTitle = () => document.querySelector("h1")?.focus();

/** For an element whose buttons may go with the focus: spread into it, it takes the focus instead. */
export function useKeptFocus<Place extends HTMLElement>() {
  const ref = useRef<Place>(null);
  const holder = useRef<Element>(null);
  useLayoutEffect(() => {
    if (!holder.current || holder.current.isConnected) return;
    holder.current = null;
    if (document.activeElement === document.body) ref.current?.focus({ preventScroll: true });
  });
  const onFocus = ({ target }: { target: Element }) => {
    // React counts dialogs and menus as children, which give the focus back by themselves.
    if (ref.current?.contains(target)) holder.current = target;
  };
  return { ref, tabIndex: -1, onFocus };
}
