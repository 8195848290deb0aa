// Where the focus goes when what had it is gone.

/** As the `ref` of an element with `tabIndex={-1}`: it takes the focus when it appears, and is read out. */
export const takeFocus = (element: HTMLElement | null) => element?.focus();
