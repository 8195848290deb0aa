// A point in time: how long ago it was or how soon it will be, and exactly when.
import { useSyncExternalStore } from "react";

import { useFormat } from "../messages/format";

const WEEK = 7 * 86_400_000;

interface TimeProps {
  at: string;
  /** Both: "29 Nov 2026, 04:43 (2 hours ago)". For pages about one thing; lists are shorter. */
  full?: boolean;
}

export function Time({ at, full }: TimeProps) {
  const now = useNow();
  const format = useFormat();
  const isNear = Math.abs(new Date(at).getTime() - now) < WEEK;
  const short = isNear ? format.relative(at, now) : format.date(at);
  return (
    <time dateTime={at} title={format.exact(at)}>
      {full ? `${format.dateTime(at)}${isNear ? ` (${format.relative(at, now)})` : ""}` : short}
    </time>
  );
}

const TICK = 20_000;
let now = Date.now();

/** The time, which goes on every few seconds. */
function useNow(): number {
  return useSyncExternalStore(listen, () => now);
}

function listen(changed: () => void): () => void {
  const tick = () => {
    now = Date.now();
    changed();
  };
  // Nobody may have listened for a while.
  if (Date.now() - now > 1000) tick();
  const timer = setInterval(tick, TICK);
  return () => clearInterval(timer);
}
