// The application Event log, in German.
import type { eventLog as english } from "../en/event-log";

export const eventLog = {
  title: "Ereignisse",
} satisfies typeof english;
