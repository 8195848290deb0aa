// What the list shows of an event: when, what, to whom, how, and by whom.
import { Link } from "wouter";

import type { EventRowFragment } from "../gql/graphql";
import { graphql, readFragment, type FragmentType } from "../graphql";
import { useMessages } from "../messages";
import { usePermissionWords } from "../permissions";
import type { Column } from "../ui/Table";
import { Time } from "../ui/Time";
import { Changes } from "./Changes";
import { usePages, type Thing } from "./existing";

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
      added
      removed
    }
  }
`);

export type EventRow = FragmentType<typeof EventFragment> & { id: string };

export const readEvent = (row: EventRow) => readFragment(EventFragment, row);

const actorOf = ({ actorId }: EventRowFragment): Thing => ({ type: "user", id: actorId });
const subjectOf = ({ subjectType, subjectId }: EventRowFragment): Thing => ({ type: subjectType, id: subjectId });

export function useEventColumns(rows: readonly EventRow[]): Column<EventRow>[] {
  const { eventLog: words, eventActions } = useMessages();
  const pageOf = usePages(rows.map(readEvent).flatMap((event) => [actorOf(event), subjectOf(event)]));
  return [
    {
      id: "at",
      title: words.at,
      cell: (row) => (
        <span className="event-time">
          <Time at={readEvent(row).createdAt} full />
        </span>
      ),
    },
    {
      id: "actor",
      title: words.actor,
      cell: (row) => {
        const event = readEvent(row);
        return (
          <>
            <Actor event={event} href={pageOf(actorOf(event))} />
            {event.ipAddress && <small className="quiet line">{words.fromAddress(event.ipAddress)}</small>}
          </>
        );
      },
    },
    {
      id: "action",
      title: words.action,
      isHead: true,
      cell: (row) => {
        const { action, actionCode } = readEvent(row);
        return action ? eventActions[action] : actionCode;
      },
    },
    {
      id: "subject",
      title: words.subject,
      cell: (row) => <Subject event={readEvent(row)} href={pageOf(subjectOf(readEvent(row)))} />,
    },
    { id: "changes", title: words.changes, cell: (row) => <Changes changes={changesOf(readEvent(row))} /> },
  ];
}

function Actor({ event: { actorKind, actorLabel }, href }: { event: EventRowFragment; href?: string }) {
  const { eventLog: words } = useMessages();
  if (actorKind !== "USER") return <span className="quiet">{words.actorKinds[actorKind]}</span>;
  return <Label href={href}>{actorLabel}</Label>;
}

function Subject({ event, href }: { event: EventRowFragment; href?: string }) {
  const { emailQueue } = useMessages();
  const { list } = usePermissionWords();
  const { action, subjectLabel } = event;
  if (action === "PERMISSION_REFUSED") return list([subjectLabel]).join();
  const count = countOf(event);
  // Several, or one that is there no more.
  if (!subjectLabel && count !== undefined) return emailQueue.emails(count);
  return <Label href={href}>{subjectLabel}</Label>;
}

function Label({ href, children }: { href?: string; children: string }) {
  if (!href)
    return (
      <span className="event-label" dir="auto">
        {children}
      </span>
    );
  return (
    <Link href={href} className="event-label" dir="auto">
      {children}
    </Link>
  );
}

/** To how many it was done: the subject says so already. */
function countOf({ changes }: EventRowFragment): number | undefined {
  const count = changes.find(({ field }) => field === "count")?.after;
  return count ? Number(count) : undefined;
}

const changesOf = ({ changes }: EventRowFragment) => changes.filter(({ field }) => field !== "count");
