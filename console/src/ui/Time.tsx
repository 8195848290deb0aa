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

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval>;

function tick() {
  now = Date.now();
  for (const changed of listeners) changed();
}

function listen(changed: () => void): () => void {
  listeners.add(changed);
  if (listeners.size === 1) timer = setInterval(tick, TICK);
  // Nobody may have listened for a while.
  if (Date.now() - now > 1000) tick();
  return () => {
    listeners.delete(changed);
    if (listeners.size === 0) clearInterval(timer);
  };
}
