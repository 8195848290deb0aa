// Errors that no other input would avoid, in words. What somebody can correct is in `userErrors`
// (form.tsx).
import type { CombinedError } from "urql";

/** docs/clients.md lists them. */
export type ErrorCode =
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "BAD_REQUEST"
  | "LIMIT_EXCEEDED"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "OUTCOME_UNKNOWN"
  | "INTERNAL";

export function hasCode(error: CombinedError, code: ErrorCode): boolean {
  return error.graphQLErrors.some(({ extensions }) => extensions.code === code);
}

export function inWords({ networkError, graphQLErrors: [error] }: CombinedError): string {
  if (networkError || !error) return "The server cannot be reached. Check your connection, and try again.";
  const { code, retryAfter, requestId } = error.extensions as { code?: ErrorCode; retryAfter?: number; requestId?: string };
  const later = retryAfter ? `in ${retryAfter} ${retryAfter === 1 ? "second" : "seconds"}` : "in a moment";
  switch (code) {
    case "UNAUTHENTICATED":
      return "Your session has ended. Sign in again.";
    case "RATE_LIMITED":
      return `The server is busy. Try again ${later}.`;
    case "UNAVAILABLE":
      return `The server is not available, and has changed nothing. Try again ${later}.`;
    case "OUTCOME_UNKNOWN":
      return "The connection broke off, and this may have been done or not. Have a look before you try again.";
    case "INTERNAL":
      return `The server failed. Tell its administrator the number ${requestId}.`;
    default:
      return error.message;
  }
}

/** Announced when it appears; `retry` is for what was only read. */
export function ErrorMessage({ error, retry }: { error?: CombinedError; retry?: () => void }) {
  return (
    <div role="alert">
      {error && (
        <p className="error">
          {inWords(error)} {retry && <button type="button" onClick={retry}>Try again</button>}
        </p>
      )}
    </div>
  );
}
