// What is said of an address at which there is nothing, or nothing that the viewer may see.
import { Link } from "wouter";

import { useMessages } from "../messages";
import { page } from "../page";
import { Page } from "../ui/Page";

interface NotFoundProps {
  /** The list in which it would be. */
  list?: { href: string; title: string };
}

export function NotFound({ list }: NotFoundProps) {
  const { common, shell } = useMessages();
  return (
    <Page title={common.notFoundTitle} back={list}>
      <div className="card">
        <p>{common.notFound}</p>
        <p>
          {list ? <Link href={list.href}>{shell.toList(list.title)}</Link> : <a href={page.root}>{shell.toDashboard}</a>}
        </p>
      </div>
    </Page>
  );
}
