// Errors that no other input would avoid, in words. What somebody can correct is in `userErrors`
// (ui/form.tsx).
import type { CombinedError } from "urql";

import { useMessages, type Messages } from "./messages";
import { Button } from "./ui/Button";

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

export function inWords({ networkError, graphQLErrors: [error] }: CombinedError, { errors }: Messages): string {
  if (networkError || !error) return errors.unreachable;
  const { code, retryAfter, requestId, permission } = error.extensions as {
    code?: ErrorCode;
    retryAfter?: number;
    requestId?: string;
    permission?: string;
  };
  switch (code) {
    case "UNAUTHENTICATED":
      return errors.ended;
    case "FORBIDDEN":
      return permission ? errors.forbidden(permission) : error.message;
    case "RATE_LIMITED":
      return errors.busy(retryAfter);
    case "UNAVAILABLE":
      return errors.unavailable(retryAfter);
    case "OUTCOME_UNKNOWN":
      return errors.unknownOutcome;
    case "INTERNAL":
      return errors.internal(requestId ?? "");
    default:
      return error.message;
  }
}

/** Announced when it appears; `retry` is for what was only read. */
export function ErrorMessage({ error, retry }: { error?: CombinedError; retry?: () => void }) {
  const messages = useMessages();
  return (
    <div role="alert" className="errors">
      {error && (
        <div className="alert">
          <p>{inWords(error, messages)}</p>
          {retry && (
            <Button look="plain" onPress={retry}>
              {messages.common.tryAgain}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}
