// Keys by which the server knows that the same is sent again: a lost answer must not become a second invitation.
import { useState } from "react";

/** One key for each input, as long as the form is shown: whoever goes back to an earlier one sends its key again. */
export function useIdempotencyKeys(): (input: object) => string {
  const [keys] = useState(() => new Map<string, string>());
  return (input) => {
    const text = JSON.stringify(input);
    // `randomUUID` is not there where the console is opened without HTTPS.
    const key = keys.get(text) ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
    keys.set(text, key);
    return key;
  };
}
