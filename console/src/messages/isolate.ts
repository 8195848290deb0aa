// Names and labels inside of sentences.

/** Whichever way a name is written, it leaves the order of the words around it alone. */
export const isolate = (name: string) => `\u2068${name}\u2069`;
