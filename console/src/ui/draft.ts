// What was typed into a form and not sent yet: it is there again for those who come back to the form. It stays in
// memory alone, so that it ends with the page, and nothing that is secret belongs into it.
import { useCallback, useState } from "react";

const drafts = new Map<string, unknown>();

const ask = (event: BeforeUnloadEvent) => event.preventDefault();

function keep(key: string, value: unknown) {
  drafts.set(key, value);
  addEventListener("beforeunload", ask);
}

function drop(key: string) {
  drafts.delete(key);
  // Browsers keep pages for "back" only if nothing listens for this.
  if (drafts.size === 0) removeEventListener("beforeunload", ask);
}

/** Whether something is left of an earlier time. */
export const hasDraft = (key: string): boolean => drafts.has(key);

/** For a page that is left without being asked, such as one that was of somebody else. */
export function forgetDrafts() {
  for (const key of [...drafts.keys()]) drop(key);
}

/**
 * Like `useState`, but what differs from `empty` outlives the component, until it is forgotten: sent or cancelled.
 * The key is that of one form; a component that changes it has to begin anew (`key`).
 */
export function useDraft<Value>(key: string, empty: Value) {
  const [value, setValue] = useState<Value>(() => (drafts.has(key) ? (drafts.get(key) as Value) : empty));
  const set = (value: Value) => {
    setValue(value);
    if (JSON.stringify(value) === JSON.stringify(empty)) drop(key);
    else keep(key, value);
  };
  const forget = useCallback(() => drop(key), [key]);
  return [value, set, forget] as const;
}
