// What went wrong, in words.
import { plurals } from "../plural";

const plural = plurals("en");
const later = (seconds?: number) => (seconds ? `in ${plural(seconds, { one: "# second", other: "# seconds" })}` : "in a moment");

/** What a user error says, by its code and the field, or by its code alone. English is what the server speaks. */
type UserErrors = Record<string, (values: Record<string, string>) => string>;

export const errors = {
  unreachable: "The server cannot be reached. Check your connection, and try again.",
  ended: "Your session has ended. Sign in again.",
  forbidden: (permission: string) => `You do not have the permission for this (${permission}).`,
  busy: (seconds?: number) => `The server is busy. Try again ${later(seconds)}.`,
  unavailable: (seconds?: number) => `The server is not available, and has changed nothing. Try again ${later(seconds)}.`,
  unknownOutcome: "The connection broke off, and this may have been done or not. Have a look before you try again.",
  internal: (requestId: string) => `The server failed. Tell its administrator the number ${requestId}.`,
  crashed: "Something in this page failed. Reload it; nothing on the server is harmed.",
  reload: "Reload",
  userErrors: {} as UserErrors,
};
