// The links in e-mails on a phone: tabs are reloaded, left, duplicated and dropped.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PASSWORD, devices, site, tokenOf } from "./support.mjs";

const pages = site(["passwords.min_score=3"]);
const { newPage, isFine } = pages;
const PHONES = [devices["iPhone 15"], devices["Pixel 7"]];

async function requestReset(address) {
  const page = await newPage();
  await page.goto(`${pages.server.url}/forgotten-password`);
  await page.getByLabel("E-mail address").fill(address);
  await page.getByRole("button", { name: "Send link" }).click();
  await page.getByRole("heading", { name: "Check your e-mail" }).waitFor();
  return pages.server.linkFor(address, "/reset-password");
}

const KINDS = [
  {
    name: "an invitation",
    path: "/accept-invitation",
    link: (address) => pages.invite(address),
    heading: "Welcome",
    field: "Password",
    button: "Join Usher",
    used: "This invitation has already been used",
  },
  {
    name: "a password reset",
    path: "/reset-password",
    link: async (address) => {
      await pages.addUser(address);
      return requestReset(address);
    },
    heading: "Choose a new password",
    field: "New password",
    button: "Save password",
    used: "This link has already been used",
  },
];

for (const [index, { name, ...kind }] of KINDS.entries()) {
  test(`the page of ${name} survives whatever happens to its tab`, async () => {
    const { url } = pages.server;
    const link = await kind.link(`tab${index}@example.com`);
    const token = tokenOf(link);
    const page = await newPage(PHONES[index]);
    const referrers = [];
    const asked = [];
    page.on("request", (request) => {
      referrers.push(request.headers().referer ?? "");
      asked.push(new URL(request.url()).pathname + new URL(request.url()).search);
    });
    const isThere = async (page) => {
      await page.getByRole("heading", { name: kind.heading }).waitFor();
      assert.equal(page.url(), url + kind.path);
    };
    const response = await page.goto(link);
    assert.equal(response.headers()["cache-control"], "no-store");
    await isThere(page);
    await page.reload();
    await isThere(page);

    // Away and back; the second time from another site.
    for (const elsewhere of [`${url}/sign-in`, "about:blank"]) {
      await page.goto(elsewhere);
      await page.goBack();
      await isThere(page);
      await page.goForward();
      await page.goBack();
      await isThere(page);
    }

    // A duplicate has the storage; what was entered anew in the address bar has no history entry.
    const opened = page.waitForEvent("popup");
    await page.evaluate(() => open(location.href));
    const twin = await opened;
    await isThere(twin);
    await twin.close();
    await page.goto(url + kind.path);
    await isThere(page);

    const password = page.getByLabel(kind.field, { exact: true });
    await password.fill("password1234");
    await page.getByRole("button", { name: kind.button }).click();
    await page.locator(".error", { hasText: /./ }).first().waitFor();
    await page.reload();
    await isThere(page);
    await isFine(page);

    await password.fill("heron-biscuit-28-canal");
    await page.getByRole("button", { name: kind.button }).click();
    await page.getByRole("heading", { name: /Your applications|has been changed/ }).waitFor();
    const kept = () => page.evaluate(() => JSON.stringify([history.state, { ...sessionStorage }]));
    assert.ok(!(await kept()).includes(token), "the token is kept though it is used");
    // A reload still says what has happened.
    await page.reload();
    await page.getByRole("heading", { name: /Your applications|has been changed/ }).waitFor();

    await page.goto(link);
    await page.getByRole("heading", { name: kind.used }).waitFor();
    assert.ok(!(await kept()).includes(token), "the token is kept though it is dead");
    await page.reload();
    await page.getByRole("heading", { name: kind.used }).waitFor();
    assert.ok(referrers.every((referrer) => !referrer.includes(token)), "a referrer holds the token");
    assert.ok(asked.every((path) => !path.includes(token)), "an address that was asked for holds the token");
  });
}

test("a link with its token in the query works as well", async () => {
  const page = await newPage();
  await page.goto((await pages.invite("query@example.com")).replace("#", "?"));
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
  assert.equal(page.url(), `${pages.server.url}/accept-invitation`);
  assert.equal(await page.getByLabel("E-mail address").inputValue(), "query@example.com");
});

test("a browser without scripts says how to get through, and keeps the link", async () => {
  const page = await newPage({ javaScriptEnabled: false });
  const link = await pages.invite("noscript@example.com");
  await page.goto(link);
  assert.ok((await page.content()).includes("This page needs JavaScript"));
  assert.equal(page.url(), link);
});

test("two people's links in one tab are told apart", async () => {
  const page = await newPage(PHONES[1]);
  const address = () => page.getByLabel("E-mail address").inputValue();
  const people = ["first@example.com", "second@example.com"];
  for (const person of people) {
    await page.goto(await pages.invite(person));
    await page.getByRole("heading", { name: "Welcome" }).waitFor();
    assert.equal(await address(), person);
  }
  await page.goBack();
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
  assert.equal(await address(), "first@example.com");
  await page.reload();
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
  assert.equal(await address(), "first@example.com");

  // The one signs up and out, and the other one's link still works in this tab.
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Join Usher" }).click();
  await page.locator("#user-menu summary").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${pages.server.url}/sign-in`);
  await page.goto(await pages.server.linkFor("second@example.com"));
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
  assert.equal(await address(), "second@example.com");
});
