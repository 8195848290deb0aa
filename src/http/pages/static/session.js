// What the pages of a signed-in person do about their session.
import { ask } from "./api.js";
import { showState } from "./forms.js";

/** To the sign-in page, which leads back here. */
export function askToSignIn() {
  const page = location.pathname.split("/").at(-1);
  location.replace(page ? `sign-in?next=${encodeURIComponent(page)}` : "sign-in");
}

/** Asks what only somebody who is signed in may ask: once the session has ended, they sign in anew. */
export async function askSignedIn(query, variables) {
  try {
    return await ask(query, variables);
  } catch (error) {
    if (error.code === "UNAUTHENTICATED") askToSignIn();
    throw error;
  }
}

let isLeaving = false;

export async function signOut() {
  isLeaving = true;
  try {
    await ask("mutation { signOut { userErrors { message } } }");
  } catch (error) {
    isLeaving = false;
    throw error;
  }
  location.assign("sign-in");
}

const LOOKS_AGAIN_AFTER_MS = 10_000;

/** Reports the signed-in person whenever something about them changes, and says when their session has ended. */
export function watchViewer(fields, onChange) {
  const address = new URL("graphql", document.baseURI);
  address.searchParams.set("query", `subscription { viewerChanged { ${fields} } }`);
  const reports = new EventSource(address);
  reports.addEventListener("next", ({ data: report }) => {
    const { data, errors } = JSON.parse(report);
    if (data) return onChange(data.viewerChanged);
    if (isLeaving || errors[0].extensions.code !== "UNAUTHENTICATED") return;
    reports.close();
    showState("You are no longer signed in", "Your session has ended. It may have expired, or somebody ended it.", "Sign in");
  });
  // The browser connects again by itself, unless the answer was no stream: a proxy may have had its own say.
  reports.addEventListener("error", () => {
    if (reports.readyState === EventSource.CLOSED) setTimeout(watchViewer, LOOKS_AGAIN_AFTER_MS, fields, onChange);
  });
}

// Browsers keep a page as it was for "back": somebody else may be signed in by then, or nobody.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});
