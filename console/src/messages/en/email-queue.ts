// The application E-mail queue.
import { isolate } from "../isolate";
import { plurals } from "../plural";

const plural = plurals("en");
const number = (value: number) => new Intl.NumberFormat("en").format(value);

export const emailQueue = {
  title: "E-mail queue",
  emails: (count: number) => plural(count, { one: "# e-mail", other: "# e-mails" }),
  nothing: "No e-mail has been queued yet.",
  nothingMatches: "No e-mail matches these filters.",
  searchFor: "Search by address or subject",
  unseen: (count: number) => plural(count, { one: "# new e-mail", other: "# new e-mails" }),
  to: "To",
  sender: "From",
  subject: "Subject",
  state: "State",
  kind: "Kind",
  attempts: "Attempts",
  createdAt: "Queued",
  nextAttemptAt: "Next attempt",
  sentAt: "Sent",
  expiresAt: "Expires",
  messageId: "Message-ID",
  user: "User",
  transport: "Last tried by",
  priority: "Priority",
  priorities: { LOW: "low", NORMAL: "normal", HIGH: "high: somebody is waiting for it" },
  events: "Events",
  general: "General",

  states: { QUEUED: "Waiting", SENDING: "Being sent", SENT: "Sent", FAILED: "Failed", CANCELLED: "Cancelled" },
  // In a sentence, before a time.
  waits: "Waits to be sent:",
  waitsAgain: "Was refused for now. Next attempt:",
  stories: {
    QUEUED: "Waits to be sent.",
    SENDING: "Is being sent right now.",
    SENT: "Was accepted for delivery:",
    FAILED: "Was given up: it was refused for good, or too often.",
    CANCELLED: "Was cancelled before it was sent, by somebody or because it served no purpose any more.",
  },
  wasDeleted: "This e-mail has been deleted.",
  kinds: {
    INVITATION: "Invitation",
    PASSWORD_RESET: "Link for a new password",
    PASSWORD_REQUIRED: "New password required",
    PASSWORD_CHANGED: "Notice: password changed",
    EMAIL_CHANGED: "Notice: address changed",
    TEST: "Test",
  },

  queue: "The queue",
  running: "Running",
  paused: "Paused",
  available: (transport: string) => `Sends by ${transport}`,
  unavailable: (transport: string) => `Cannot send by ${transport}`,
  // By transports that deliver nothing.
  written: { log: "Not sent: written to the server's log", file: "Not sent: written to a file" },
  writtenAt: { log: "Was not sent, but written to the server's log:", file: "Was not sent, but written to a file:" },
  notLive: "Not connected: what is shown may be old.",
  pausedBy: (name: string) => `Paused by ${isolate(name)} since`,
  pausedSince: "Paused since",
  unavailableSince: "No e-mail can be sent since",
  triedAgain: "Next attempt:",
  pause: "Pause",
  resume: "Resume",
  sendTest: "Send a test e-mail",
  send: "Send",
  testQueued: "The test e-mail is queued.",

  allChosen: (count: number) => plural(count, { one: "The # that matches is selected", other: "All # that match are selected" }),
  tooMany: (max: number) => `At most ${max} at once. Filter the list, and select all that match.`,
  chooseAll: (count: number) => `Select all ${number(count)} that match`,
  actions: { retry: "Try again", cancel: "Cancel delivery", delete: "Delete" },
  dismiss: "Leave as it is",
  confirm: {
    retryTitle: (count: number) => plural(count, { one: "Try # e-mail again?", other: "Try # e-mails again?" }),
    retryUpToTitle: (count: number) => plural(count, { one: "Try # e-mail again?", other: "Try up to # e-mails again?" }),
    retryOne: "This e-mail is queued again, and tried now.",
    retry: "What has failed or was cancelled is queued again, and what waits is tried now. Links that no longer work are not sent.",
    cancelTitle: (count: number) => plural(count, { one: "Cancel # e-mail?", other: "Cancel # e-mails?" }),
    cancel: "What waits is not sent. You can have it tried again later.",
    cancelOne: "This e-mail is then not sent. You can have it tried again later.",
    deleteTitle: (count: number) => plural(count, { one: "Delete # e-mail?", other: "Delete # e-mails?" }),
    deleteOne: "This e-mail goes for good, with its attempts. If it still waits, it is not sent.",
    delete: "They go for good, with their attempts, and what waits is not sent. What is being sent right now stays.",
  },
  // To some of those that are selected, it cannot be done.
  impossible: (count: number, all: number) =>
    `${plural(count, { other: `For # of ${number(all)}` })} this is not possible. Nothing has been done yet.`,
  noneOfThem: "It is possible for none of them.",
  onlyOthers: {
    retry: (count: number) => plural(count, { one: "Try the other one again", other: "Try the other # again" }),
    cancel: (count: number) => plural(count, { one: "Cancel the other one", other: "Cancel the other #" }),
    delete: (count: number) => plural(count, { one: "Delete the other one", other: "Delete the other #" }),
  },
  passedOver: {
    retry: (count: number, all: number) =>
      plural(count, {
        one: `# of ${number(all)} is sent already or being sent, and stays as it is.`,
        other: `# of ${number(all)} are sent already or being sent, and stay as they are.`,
      }),
    cancel: (count: number, all: number) =>
      plural(count, {
        one: `# of ${number(all)} does not wait any more, and stays as it is.`,
        other: `# of ${number(all)} do not wait any more, and stay as they are.`,
      }),
    delete: (count: number, all: number) =>
      plural(count, {
        one: `# of ${number(all)} is being sent right now, and stays.`,
        other: `# of ${number(all)} are being sent right now, and stay.`,
      }),
  },
  done: {
    retry: (count: number) => plural(count, { one: "# e-mail is tried again.", other: "# e-mails are tried again." }),
    cancel: (count: number) => plural(count, { one: "# e-mail is cancelled.", other: "# e-mails are cancelled." }),
    delete: (count: number) => plural(count, { one: "# e-mail is deleted.", other: "# e-mails are deleted." }),
  },
  notNow: {
    retry: "This e-mail was sent already, is being sent, or holds a link that no longer works.",
    cancel: "Only what waits can be cancelled.",
    delete: "It is being sent right now.",
  },

  attemptsNone: "Nobody has tried to send it yet.",
  isRunning: "being sent",
  outcomes: {
    DELIVERED: "Accepted by the mail server",
    TRANSIENT_FAILURE: "Refused for now",
    PERMANENT_FAILURE: "Refused for good",
    UNAVAILABLE: "The mail server could not be reached; does not count",
    INTERRUPTED: "Broken off; it may have arrived",
  },
  link: "Secret link",
  linkNone: "The link no longer works, or its recipient may do more than you. If they still need one, send the invitation again from their page.",
  linkNever: "Links for new passwords are shown to nobody.",
  content: "The e-mail",
  contentFailed: "It cannot be shown as it looks right now. Here is its text.",
  masked: "Secret links are masked here.",
  sourceShowsLink: "The source shows the link, which the event log records.",
  source: "Source (.eml)",
  asText: "As plain text",
};
