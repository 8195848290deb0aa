// What the list shows of an event.
import { Link } from "wouter";

import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { useSession } from "../session";
import type { Column } from "../ui/Table";
import { Time } from "../ui/Time";

const EventFragment = graphql(`
  fragment EventRow on Event {
    action
    actionCode
    actorId
    actorKind
    actorLabel
    subjectId
    subjectType
    subjectLabel
    createdAt
    ipAddress
    changes {
      field
      before
      after
    }
  }
`);

export type EventRow = FragmentType<typeof EventFragment> & { id: string };

/** The page that shows what an event is about, by its type, and what one needs to see it. */
const PAGES: Record<string, string> = { user: "users", role: "roles", email: "email-queue" };

export function useEventColumns(): Column<EventRow>[] {
  const { eventLog: words, eventActions } = useMessages();
  const read = (row: EventRow) => readFragment(EventFragment, row);
  return [
    { id: "at", title: words.at, cell: (row) => <span className="nowrap"><Time at={read(row).createdAt} /></span> },
    {
      id: "action",
      title: words.action,
      isHead: true,
      cell: (row) => {
        const { action, actionCode } = read(row);
        return action ? eventActions[action] : actionCode;
      },
    },
    { id: "subject", title: words.subject, cell: (row) => <Subject {...read(row)} /> },
    { id: "changes", title: words.changes, cell: (row) => <Changes changes={read(row).changes} /> },
    {
      id: "actor",
      title: words.actor,
      cell: (row) => (
        <>
          <Actor {...read(row)} />
          <small className="quiet line">{read(row).ipAddress}</small>
        </>
      ),
    },
  ];
}

interface SubjectProps {
  action?: string | null;
  subjectId?: string | null;
  subjectType?: string | null;
  subjectLabel: string;
}

function Subject({ action, subjectId, subjectType, subjectLabel }: SubjectProps) {
  const isGone = action?.endsWith("_DELETED") || action === "USER_ERASED";
  return <PageLink type={subjectType} id={isGone ? null : subjectId}>{subjectLabel}</PageLink>;
}

interface ActorProps {
  actorKind: "USER" | "SERVER" | "ANONYMOUS";
  actorId?: string | null;
  actorLabel: string;
}

function Actor({ actorKind, actorId, actorLabel }: ActorProps) {
  const { eventLog: words } = useMessages();
  if (actorKind !== "USER") return <span className="quiet">{words.actorKinds[actorKind]}</span>;
  return <PageLink type="user" id={actorId}>{actorLabel}</PageLink>;
}

function PageLink({ type, id, children }: { type?: string | null; id?: string | null; children: string }) {
  const { may } = useSession();
  const application = type ? PAGES[type] : undefined;
  if (!id || !application || !may(`${application}.view`)) return <span className="event-label" dir="auto">{children}</span>;
  return <Link href={`/${application}/${encodeURIComponent(id)}`} className="event-label" dir="auto">{children}</Link>;
}

function Changes({ changes }: { changes: readonly { field: string; before?: string | null; after?: string | null }[] }) {
  const { eventLog: words } = useMessages();
  const fields: Record<string, string> = words.fields;
  return changes.map(({ field, before, after }) => (
    <span className="event-change" key={field}>
      <span className="quiet">{fields[field] ?? field}:</span>{" "}
      <bdi>{before || words.nothingThere}</bdi> <span aria-label={words.became}>→</span> <bdi>{after || words.nothingThere}</bdi>
    </span>
  ));
}
