// What goes wrong: a wrong password, a busy server, a lost connection, a late answer, a session that ends.
import assert from "node:assert/strict";
import { test } from "node:test";

import { ADMINISTRATOR, frontEnd, send } from "./support.mjs";

const site = frontEnd();

test("whoever enters a wrong password is told so, and can try again", async () => {
  const page = await (await site.newContext()).newPage();
  await page.goto(site.url);
  await site.signIn(page, { ...ADMINISTRATOR, password: "wrong" });
  await page.getByRole("alert").getByText("Incorrect e-mail address or password.").waitFor();
  await site.signIn(page, ADMINISTRATOR);
  await page.getByText("Welcome, Ada Weber.").waitFor();
});

test("a busy server and a lost connection are told in words", async () => {
  const page = await site.signedIn(ADMINISTRATOR);
  const busy = { errors: [{ message: "Too busy", extensions: { code: "RATE_LIMITED", retryAfter: 7 } }] };
  await page.route("**/graphql", (route) => route.fulfill({ status: 429, json: busy }));
  await page.getByRole("link", { name: "People" }).click();
  await page.getByRole("alert").getByText("The server is busy. Try again in 7 seconds.").waitFor();
  await page.unroute("**/graphql");

  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("alert").getByText("The server cannot be reached.").waitFor();
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("status").getByText("10 people").waitFor();
});

test("an answer that comes late is not shown for a later search", { timeout: 60_000 }, async () => {
  const page = await site.signedIn(ADMINISTRATOR);
  await page.getByRole("link", { name: "People" }).click();
  await page.getByRole("status").getByText("10 people").waitFor();
  const searches = [];
  let letGo;
  const held = new Promise((resolve) => (letGo = resolve));
  await page.route("**/graphql", async (route) => {
    const { search } = route.request().postDataJSON().variables;
    searches.push(search);
    if (search === "weber") await held;
    await route.continue().catch(() => {}); // nobody waits for it any more
  });
  const search = page.getByLabel("Search");
  const asked = page.waitForRequest((request) => request.postData()?.includes('"weber"'));
  await search.pressSequentially("weber");
  const early = await asked;
  const isOver = new Promise((resolve) => {
    const look = (request) => request === early && resolve();
    page.on("requestfailed", look).on("requestfinished", look);
  });
  await search.fill("lauram@");
  await page.getByRole("status").getByText("1 person").waitFor();
  letGo();
  await isOver;
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  assert.deepEqual(await page.locator("tbody th").allInnerTexts(), ["Laura Miller"]);
  assert.deepEqual(searches, ["weber", "lauram@"], "each search is sent once, when it has settled");
});

test("a session that ends elsewhere leads back to sign-in", async () => {
  const page = await site.signedIn(ADMINISTRATOR);
  await page.getByRole("link", { name: "E-mails" }).click();
  await page.getByRole("status").getByText("Live").waitFor();
  const signIn = "mutation($input: SignInInput!) { signIn(input: $input) { token } }";
  const { token } = (await send(site.server, signIn, { input: ADMINISTRATOR })).signIn;
  await send(site.server, "mutation { revokeOtherSessions { count } }", {}, token);
  await page.getByText("Your session has ended. Sign in again.").waitFor();
  await site.signIn(page, ADMINISTRATOR);
  await page.getByRole("heading", { name: "E-mails" }).waitFor();

  // Where nothing is told, the next question finds out.
  await page.getByRole("link", { name: "Invite" }).click();
  await page.getByLabel("Auditor").waitFor();
  const again = (await send(site.server, signIn, { input: ADMINISTRATOR })).signIn.token;
  await send(site.server, "mutation { revokeOtherSessions { count } }", {}, again);
  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByText("Your session has ended. Sign in again.").waitFor();
});
