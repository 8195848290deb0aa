// What the pages of a signed-in person do about their session.
import { ask } from "./api.js";
import { showState } from "./forms.js";
import { tellOtherPages } from "./others.js";

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
  tellOtherPages();
  location.assign("sign-in");
}

const CONNECTS_AGAIN_AFTER_MS = 5_000;

/** What the server closes a WebSocket with once the session has ended (graphql-transport-ws: Unauthorized). */
const ENDED = 4401;

/**
 * Reports the signed-in person whenever something about them changes, and says when their session has ended. By a
 * WebSocket: of streams over HTTP/1.1, a browser keeps six to a server, however many of these pages are open.
 */
export function watchViewer(fields, onChange) {
  const address = new URL("graphql", document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address, "graphql-transport-ws");
  const send = (message) => socket.send(JSON.stringify(message));
  const ended = () => {
    if (!isLeaving) showState("You are no longer signed in", "Your session has ended. It may have expired, or somebody ended it.", "Sign in");
  };
  let isOver = false;
  socket.addEventListener("open", () => send({ type: "connection_init" }));
  socket.addEventListener("message", ({ data }) => {
    const { type, payload } = JSON.parse(data);
    if (type === "ping") send({ type: "pong" });
    if (type === "connection_ack") send({ id: "viewer", type: "subscribe", payload: { query: `subscription { viewerChanged { ${fields} } }` } });
    if (type === "next" && payload.data) onChange(payload.data.viewerChanged);
    const errors = type === "error" ? payload : (payload?.errors ?? []);
    if (errors[0]?.extensions?.code !== "UNAUTHENTICATED") return;
    isOver = true;
    socket.close();
    ended();
  });
  // The server restarts now and then.
  socket.addEventListener("close", ({ code }) => {
    if (isOver) return;
    if (code === ENDED) ended();
    else setTimeout(watchViewer, CONNECTS_AGAIN_AFTER_MS, fields, onChange);
  });
}

// Browsers keep a page as it was for "back": somebody else may be signed in by then, or nobody.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});
