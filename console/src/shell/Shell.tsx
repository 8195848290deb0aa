// What surrounds every page: the bar with brand, navigation and user menu, and what concerns all pages.
import { useEffect, useRef, type ReactNode } from "react";
import { Link, useLocation } from "wouter";

import { useMessages, type Messages } from "../messages";
import { page } from "../page";
import { QueueNotice } from "./QueueNotice";
import { UserMenu } from "./UserMenu";

type Code = keyof Messages["shell"]["applications"];

export function Shell({ applications, children }: { applications: Code[]; children: ReactNode }) {
  const { shell } = useMessages();
  const [path] = useLocation();
  const current = path.split("/")[1];
  const navigation = useRef<HTMLElement>(null);
  // On a phone, not all of the navigation is in sight.
  useEffect(() => {
    navigation.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);
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
        <nav ref={navigation} aria-label={shell.navigation}>
          <ul>
            {applications.map((code) => (
              <li key={code}>
                <Link href={`/${code}`} aria-current={current === code ? "page" : undefined}>
                  {shell.applications[code]}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <UserMenu />
      </header>
      <QueueNotice />
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
