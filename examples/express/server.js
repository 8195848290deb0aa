// A back end of one's own: Usher tells who sends a request. `GET /orders` answers with whoever asks;
// without the token of somebody who is signed in, the status is 401.
import express from "express";

const { USHER_URL = "http://127.0.0.1:8000", PORT = "3000" } = process.env;

const WHO = "{ viewer { id email displayName applications { code viewerPermissions } } }";

/**
 * Puts whoever asks into `response.locals.viewer`, and lets nobody else through. The token alone is
 * passed on: a cookie that came with it was sent by a browser, perhaps for a page of somebody else.
 */
async function signedIn(request, response, next) {
  const { authorization } = request.headers;
  const refuse = () => response.status(401).set("WWW-Authenticate", "Bearer").send("Sign in first.\n");
  if (!authorization) return refuse();
  let viewer;
  try {
    const answer = await fetch(`${USHER_URL}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: authorization },
      body: JSON.stringify({ query: WHO }),
      signal: AbortSignal.timeout(5000),
    });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(errors[0].message);
    ({ viewer } = data);
  } catch (error) {
    console.error("Usher does not answer:", error.message);
    return response.status(503).set("Retry-After", "5").send("Try again.\n");
  }
  if (!viewer) return refuse();
  response.locals.viewer = viewer;
  next();
}

const app = express();
app.get("/orders", signedIn, (request, response) => response.json(response.locals.viewer));

const server = app.listen(Number(PORT), "127.0.0.1", (error) => {
  if (error) throw error;
  console.log(`Listening on http://127.0.0.1:${server.address().port}`);
});
