// `?next=`: where a person goes once they are signed in, and where nobody can send them.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PASSWORD, site } from "./support.mjs";

const APP = "https://app.example.com";
const pages = site([], `
[server]
allowed_origins = ["${APP}"]

[links]
invitation = "{public_url}/accept-invitation?next=${APP}/welcome?from=mail#token={token}"
`);

/** A page in a world in which every other server says hello. */
async function newPage() {
  const page = await pages.newPage();
  await page.route((url) => url.origin !== pages.server.url, (route) => route.fulfill({ body: "Hello" }));
  return page;
}

async function landsAt(page, next) {
  await page.goto(`${pages.server.url}/sign-in?next=${next}`);
  await page.waitForURL((url) => !url.pathname.endsWith("/sign-in") || url.origin !== pages.server.url);
  return page.url();
}

test("sign-in leads back to an allowed origin or a path of the server, and nowhere else", async () => {
  await pages.addUser("ada@example.com");
  const { url } = pages.server;
  const page = await newPage();
  await page.goto(`${url}/sign-in?next=${encodeURIComponent(`${APP}/orders?page=2#top`)}`);
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${APP}/orders?page=2#top`);

  // Who is signed in already goes on at once. Only where to matters from here on.
  await page.route((target) => target.origin === url && ["/", "/account"].includes(target.pathname), (route) => route.fulfill({ body: "Hello" }));
  const right = {
    account: `${url}/account`,
    "/account%3Fa%3Db": `${url}/account?a=b`,
    [encodeURIComponent(`${url}/account`)]: `${url}/account`,
    [encodeURIComponent(APP)]: `${APP}/`,
    // Encoded once more, it is a name on this server.
    "%252F%252Fevil.example": `${url}/%2F%2Fevil.example`,
  };
  for (const [next, target] of Object.entries(right)) assert.equal(await landsAt(page, next), target);
  const wrong = [
    "", "sign-in", "?next=account", "#", "//evil.example", "/\\evil.example", "\\\\evil.example", "///evil.example",
    "/\t/evil.example", "\n//evil.example", "/\r\n/evil.example", " //evil.example", "\u0000//evil.example",
    "https:evil.example", "HTTPS://EVIL.EXAMPLE", "javascript:alert(1)", "java\nscript:alert(1)",
    "javascript://app.example.com/%0aalert(1)", "data:text/html,hello", "blob:https://app.example.com/x",
    `${APP}@evil.example`, `${APP}.evil.example`, `${APP}:8443`, "http://app.example.com", "https://ada@app.example.com",
    "https://evil.example\\@app.example.com", "https://[", "https://app.example.com\u2024evil.example", "//127.0.0.1:1/",
  ];
  for (const next of wrong) {
    assert.equal(await landsAt(page, encodeURIComponent(next)), `${url}/`, `next=${JSON.stringify(next)}`);
  }
});

test("an accepted invitation and the way through a forgotten password lead there too", async () => {
  const page = await newPage();
  await page.goto(await pages.invite("grace@example.com"));
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
  assert.equal(page.url(), `${pages.server.url}/accept-invitation?next=${encodeURIComponent(`${APP}/welcome?from=mail`)}`);
  await page.reload();
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Join Usher" }).click();
  await page.waitForURL(`${APP}/welcome?from=mail`);

  const other = await newPage();
  await other.goto(`${pages.server.url}/sign-in?next=${encodeURIComponent(`${APP}/`)}`);
  await other.getByRole("link", { name: "Forgotten your password?" }).click();
  await other.getByRole("link", { name: "Back to sign-in" }).click();
  await other.getByLabel("E-mail address").fill("grace@example.com");
  await other.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await other.getByRole("button", { name: "Sign in" }).click();
  await other.waitForURL(`${APP}/`);
});
