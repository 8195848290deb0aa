// Where the focus goes when what had it is gone.

/** As the `ref` of an element with `tabIndex={-1}`: it takes the focus when it appears, and is read out. */
export const takeFocus = (element: HTMLElement | null) => element?.focus();

/** The same for what appears when a dialog is closed: until that is gone, it keeps the focus. */
export const takeFocusAfterDialog = (element: HTMLElement | null) => {
  if (element) setTimeout(() => element.focus());
};
