// A line of what is known about something, in a list with the class `facts`.
import type { ReactNode } from "react";

export function Fact({ title, children }: { title: string; children: ReactNode }) {
  return (
    <>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </>
  );
}
