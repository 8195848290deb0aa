// Names inside of sentences that are shown. What is only read out (an `aria-label`) has no order to keep.

/** Whichever way a name is written, it leaves the order of the words around it alone. */
export const isolate = (name: string) => `\u2068${name}\u2069`;
