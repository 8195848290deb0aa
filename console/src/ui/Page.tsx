// A page: its title, what can be done there, and its content. The focus goes to the title after navigation, so
// that those who see nothing hear where they are, unless one of its fields takes it.
import { useEffect, useRef, type ReactNode } from "react";
import { Link } from "wouter";

import { page } from "../page";
import { Icon } from "./Icon";

interface PageProps {
  title: string;
  /** Stands beside the title, such as a state. */
  beside?: ReactNode;
  /** A line below the title. */
  below?: ReactNode;
  actions?: ReactNode;
  /** The page above this one. */
  back?: { href: string; title: string };
  children: ReactNode;
}

let isFirst = true;

export function Page({ title, beside, below, actions, back, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = title === page.name ? title : `${title} · ${page.name}`;
  }, [title]);
  useEffect(() => {
    // A browser begins a page that it has just opened at its top by itself. A field with `autoFocus` has it already.
    if (!isFirst && !document.activeElement?.closest("main *, [role=dialog], [role=alertdialog]")) heading.current?.focus();
    isFirst = false;
  }, []);
  return (
    <>
      {back && (
        <Link href={back.href} className="back">
          <Icon name="left" />
          {back.title}
        </Link>
      )}
      <div className="page-head">
        <div className="page-title">
          <h1 ref={heading} tabIndex={-1} dir="auto">
            {title}
          </h1>
          {beside}
          {below && <p className="quiet">{below}</p>}
        </div>
        {actions && <div className="buttons">{actions}</div>}
      </div>
      {children}
    </>
  );
}

/** A part of a page, with a title of its own. */
export function Section({
  title,
  beside,
  actions,
  children,
}: {
  title: string;
  beside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="card" aria-label={title}>
      <div className="section-head">
        <div className="section-title">
          <h2>{title}</h2>
          {beside}
        </div>
        {actions && <div className="buttons">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
