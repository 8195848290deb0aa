// What the pages of a signed-in person do about their session.
import { ask } from "./api.js";

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

export async function signOut() {
  await ask("mutation { signOut { userErrors { message } } }");
  location.assign("sign-in");
}

// Browsers keep a page as it was for "back": somebody else may be signed in by then, or nobody.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});
