// The bar at the top, and what is said about the session.

export const shell = {
  skip: "Skip to the content",
  dashboard: "Dashboard",
  applications: { users: "Users", roles: "Roles", "email-queue": "E-mail queue", "event-log": "Event log" },
  navigation: "Applications",
  userMenu: (name: string) => `Account menu of ${name}`,
  account: "Your account",
  playground: "Playground",
  language: "Language",
  signOut: "Sign out",
  queuePaused: "The e-mail queue is paused: no e-mail is sent.",
  notSending: "E-mails cannot be sent at present: they wait in the queue.",
  toQueue: "To the queue",
  noApplications: "You do not have access to any of these applications.",
  toDashboard: "To the dashboard",
  toList: (title: string) => `To the list: ${title}`,
  endedTitle: "Your session has ended",
  ended:
    "You were signed out, here or elsewhere, or your account was deactivated. Nothing that you typed is lost: sign in in a new tab, then come back to this one.",
  signInNewTab: "Sign in in a new tab",
  signInHere: "Sign in here",
  signInHereHint: "leaves this page, and what you typed",
  stillEnded: "Nobody is signed in yet.",
};
