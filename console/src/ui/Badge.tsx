// A state, as a coloured word.
import type { ReactNode } from "react";

export type Tone = "good" | "bad" | "wait" | "quiet";

export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}
