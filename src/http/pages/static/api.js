// The public GraphQL API: one function that asks it, and sentences for what can go wrong.

export class ApiError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

const PATIENCE_MS = 60_000;

export async function ask(query, variables = {}) {
  let response;
  try {
    response = await fetch("graphql", {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new ApiError("The server cannot be reached. Check your internet connection and try again.", "OFFLINE");
  }
  const answer = await response.json().catch(() => null);
  const error = answer?.errors?.[0];
  if (error || !answer?.data) throw new ApiError(sentence(error), error?.extensions?.code);
  return answer.data;
}

function sentence(error) {
  const { code, requestId } = error?.extensions ?? {};
  if (code === "RATE_LIMITED") return "Too many requests. Please wait a moment and try again.";
  if (code === "UNAVAILABLE") return "The server cannot do this at the moment, and nothing was changed. Please wait a moment and try again.";
  if (code === "OUTCOME_UNKNOWN") return "The connection broke off on our side. It may have worked all the same: please reload the page and look before you try again.";
  if (code === "UNAUTHENTICATED") return "You are no longer signed in. Please sign in again.";
  if (code === "FORBIDDEN") return error.message;
  if (code === "BAD_REQUEST") return "Something went wrong. Please reload the page and try again.";
  return "Something went wrong on our side. Please try again later." + (requestId ? ` Reference: ${requestId}` : "");
}
