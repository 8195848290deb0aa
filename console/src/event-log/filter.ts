// The filters of the event log, as they stand in the address.
import { useMemo } from "react";

import type { EventAction, EventActorKind, EventFilter } from "../gql/graphql";
import { useMessages } from "../messages";
import type { Address } from "../ui/address";

/** Their names in the address. `actor` and `subject` are IDs, which other pages lead here with. */
export const FILTERS = ["search", "action", "by", "from", "to", "actor", "subject"];

export const ACTOR_KINDS: readonly EventActorKind[] = ["USER", "SERVER", "ANONYMOUS"];

const DAY = /^\d{4}-\d{2}-\d{2}$/;

export function useEventFilter(address: Address): EventFilter {
  const { eventActions } = useMessages();
  return useMemo(() => {
    const kind = address.one("by", ACTOR_KINDS);
    return {
      search: address.get("search"),
      actions: address.some("action", Object.keys(eventActions) as EventAction[]),
      actorKinds: kind && [kind],
      actorId: address.get("actor"),
      subjectId: address.get("subject"),
      createdAfter: beginOf(address.get("from")),
      createdBefore: beginOf(address.get("to"), 1),
    };
  }, [address, eventActions]);
}

/** When a day, or one some days later, begins where the reader is. */
function beginOf(day: string | undefined, later = 0): string | undefined {
  if (!day || !DAY.test(day)) return undefined;
  const time = new Date(`${day}T00:00:00`);
  time.setDate(time.getDate() + later);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
