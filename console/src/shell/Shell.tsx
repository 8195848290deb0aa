// What surrounds every page: the bar with brand, navigation and user menu.
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";

import { useMessages, type Messages } from "../messages";
import { page } from "../page";
import { UserMenu } from "./UserMenu";

type Code = keyof Messages["shell"]["applications"];

export function Shell({ applications, children }: { applications: Code[]; children: ReactNode }) {
  const { shell } = useMessages();
  const [path] = useLocation();
  return (
    <>
      <a className="skip" href="#content">
        {shell.skip}
      </a>
      <header className="bar">
        <a className="brand" href={page.root} title={shell.dashboard}>
          <img src={page.logo} alt="" height="28" />
          <span>{page.name}</span>
        </a>
        <nav aria-label={shell.navigation}>
          <ul>
            {applications.map((code) => (
              <li key={code}>
                <Link href={`/${code}`} aria-current={path.split("/")[1] === code ? "page" : undefined}>
                  {shell.applications[code]}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <UserMenu />
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
