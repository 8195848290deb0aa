// What is asked of the server as one types waits for a pause.
import { useEffect, useState } from "react";

export const PAUSE_MS = 200;

/** What is typed, once it has stayed the same for a moment. */
export function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
