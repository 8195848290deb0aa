// What a person does with the hosted pages and the playground, in a real browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PASSWORD, graphql, picture, site } from "./support.mjs";

const CONFIGURATION = `
[branding]
name = "K Bank"

[[applications]]
code = "content-hub"
name = "Content hub"
actions = ["view", "create", "update"]
url = "https://content.kbank.com/"
`;

const pages = site([], CONFIGURATION);
const { newPage, isFine } = pages;
const signIn = (page, password) => pages.signIn(page, "admin@example.com", password);

test("an invitation is accepted, and its link is used up", async () => {
  const link = await pages.server.linkFor("admin@example.com");
  const page = await newPage();
  const response = await page.goto(link);
  assert.equal(response.headers()["referrer-policy"], "no-referrer");
  assert.doesNotMatch(response.headers()["content-security-policy"], /unsafe/);
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
  assert.equal(page.url(), `${pages.server.url}/accept-invitation`);
  assert.equal(await page.getByLabel("E-mail address").inputValue(), "admin@example.com");
  await page.getByLabel("First name").fill("Ada");
  await page.getByLabel("Last name").fill("Weber");

  const password = page.getByLabel("Password", { exact: true });
  await password.fill("short");
  await page.getByText("more to go").waitFor();
  await page.getByRole("button", { name: "Join K Bank" }).click();
  await page.locator("#password-error", { hasText: /./ }).waitFor();
  assert.equal(await password.getAttribute("aria-invalid"), "true");
  assert.ok(await password.evaluate((input) => input === document.activeElement));
  pages.troubles = pages.troubles.filter((trouble) => !trouble.includes("400"));
  await isFine(page);

  await password.fill(PASSWORD);
  await page.locator(".bars[data-score='3'], .bars[data-score='4']").waitFor();
  await picture(page, "accept-invitation");
  await page.getByRole("button", { name: "Join K Bank" }).click();
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  assert.equal(
    await page.getByRole("link", { name: "Content hub" }).getAttribute("href"),
    "https://content.kbank.com/",
  );
  await picture(page, "dashboard");

  const later = await newPage({ viewport: { width: 390, height: 844 } });
  await later.goto(link);
  await later.getByRole("heading", { name: "This invitation has already been used" }).waitFor();
  await picture(later, "used-phone");
  await isFine(later);
  await later.goto(`${pages.server.url}/accept-invitation?token=unknown`);
  await later.getByRole("heading", { name: "This link is not valid" }).waitFor();
});

test("a person signs in, sees their applications and account, and signs out", async () => {
  const page = await newPage({ viewport: { width: 390, height: 844 } });
  await page.goto(`${pages.server.url}/`);
  await page.waitForURL(`${pages.server.url}/sign-in`);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await picture(page, "sign-in-phone");
  await isFine(page);

  await signIn(page, "not the password");
  await page.getByText("Incorrect e-mail address or password").waitFor();
  await isFine(page);

  assert.ok(await page.getByLabel("Keep me signed in").isChecked());
  await signIn(page, PASSWORD);
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await picture(page, "dashboard-phone");
  await isFine(page);

  // The menu opens and closes as menus do; on a phone, the name is in it.
  const menu = page.locator("#user-menu summary");
  await menu.click();
  await page.getByText("admin@example.com").waitFor();
  await isFine(page);
  await page.keyboard.press("Escape");
  await page.getByText("admin@example.com").waitFor({ state: "hidden" });
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  await page.getByText("(this session)").waitFor();
  await picture(page, "account-phone");
  await isFine(page);

  await menu.click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${pages.server.url}/sign-in`);
  await page.goto(`${pages.server.url}/account`);
  await page.waitForURL(`${pages.server.url}/sign-in?next=account`);
  await page.goto(`${pages.server.url}/forgotten-password`);
  await page.getByRole("heading", { name: "Forgotten your password?" }).waitFor();
  await isFine(page);
  await page.goto(`${pages.server.url}/reset-password?token=x`);
  await page.getByRole("heading", { name: "This link is not valid" }).waitFor();
  assert.equal(page.url(), `${pages.server.url}/reset-password`);
  await isFine(page);
});

test("an expired link says so", async () => {
  const link = pages.server.run("invite-administrator", "late@kbank.com", "--set", "invitations.valid_for=1ms");
  const page = await newPage();
  await page.goto(link.trim().split("\n").at(-1));
  await page.getByRole("heading", { name: "This invitation has expired" }).waitFor();
  await isFine(page);
});

test("a forgotten password is replaced, and the link works once", async () => {
  pages.server.run("invite-administrator", "grace@kbank.com");
  const invitation = await pages.server.linkFor("grace@kbank.com");
  let page = await newPage();
  await page.goto(invitation);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Join K Bank" }).click();
  await page.getByRole("heading", { name: "Your applications" }).waitFor();

  page = await newPage({ viewport: { width: 390, height: 844 } });
  await page.goto(`${pages.server.url}/forgotten-password`);
  await page.getByLabel("E-mail address").fill("grace@kbank.com");
  await page.getByRole("button", { name: "Send link" }).click();
  await page.getByRole("heading", { name: "Check your e-mail" }).waitFor();
  await isFine(page);

  const link = await pages.server.linkFor("grace@kbank.com", "/reset-password");
  await page.goto(link);
  await page.getByRole("heading", { name: "Choose a new password" }).waitFor();
  assert.equal(page.url(), `${pages.server.url}/reset-password`);
  await picture(page, "reset-password-phone");
  const password = page.getByLabel("New password", { exact: true });
  await password.fill("password1234");
  await page.getByText(/easy to guess/i).first().waitFor();
  await password.fill("heron-biscuit-28-canal");
  await page.locator(".bars[data-score='3'], .bars[data-score='4']").waitFor();
  await page.getByRole("button", { name: "Save password" }).click();
  await page.getByRole("heading", { name: "Your password has been changed" }).waitFor();
  await isFine(page);
  // Nobody types a new password only to be told that the link is used up.
  await page.goto(link);
  await page.getByRole("heading", { name: "This link has already been used" }).waitFor();
  assert.equal(await page.getByLabel("New password", { exact: true }).isVisible(), false);
  await isFine(page);
  await page.getByRole("link", { name: "Request a new link" }).click();
  await page.getByRole("heading", { name: "Forgotten your password?" }).waitFor();
});

test("on the account page, a session is ended and the password changed", async () => {
  const page = await newPage();
  await signIn(page, PASSWORD);
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await page.goto(`${pages.server.url}/account`);
  const ends = page.getByRole("button", { name: /^End session/ });
  await ends.first().waitFor();
  const count = await ends.count();
  await ends.first().click();
  await page.locator("#announcement", { hasText: "has been ended" }).waitFor({ state: "attached" });
  await ends.nth(count - 1).waitFor({ state: "detached" });
  assert.equal(await ends.count(), count - 1);

  const form = page.locator("form#password");
  const change = async (current) => {
    await form.getByLabel("Current password", { exact: true }).fill(current);
    await form.getByLabel("New password", { exact: true }).fill("heron-biscuit-28-canal");
    await form.getByRole("button", { name: "Change password" }).click();
  };
  await change("wrong");
  await form.locator(".error, .alert", { hasText: /./ }).first().waitFor();
  await isFine(page);
  await change(PASSWORD);
  await form.getByText("Your password has been changed").waitFor();
  await isFine(page);
  assert.equal(await ends.count(), 0);
  await form.getByLabel("Current password", { exact: true }).fill("heron-biscuit-28-canal");
  await form.getByLabel("New password", { exact: true }).fill(PASSWORD);
  await form.getByRole("button", { name: "Change password" }).click();
  await form.getByText("Your password has been changed").waitFor();
});

test("on the account page, names are changed", async () => {
  const page = await newPage();
  await signIn(page, PASSWORD);
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await page.goto(`${pages.server.url}/account`);
  await page.locator("form#profile").getByLabel("Last name").fill("Weber-Lang");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.locator("form#profile").getByLabel("Last name").fill("Weber");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
});

test("the playground loads, signs in, and runs a query, from this server alone", async () => {
  const page = await newPage({ viewport: { width: 1360, height: 850 } });
  await signIn(page, PASSWORD);
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  pages.troubles.length = 0;
  const response = await page.goto(`${pages.server.url}/playground`);
  assert.equal(response.headers()["content-encoding"], "gzip");
  await page.getByText("Ada Weber").first().waitFor();
  await page.locator(".graphiql-query-editor .monaco-editor").first().waitFor();
  await page.getByRole("tab", { name: /WhoAmI/ }).first().click();
  await page.getByRole("button", { name: /execute query/i }).click();
  await page.locator(".graphiql-response", { hasText: "admin@example.com" }).waitFor();
  await picture(page, "playground");
  assert.deepEqual(pages.troubles, []);
});

test("an address that is no page, and pages that are switched off", async () => {
  const { token } = (await graphql(pages.server.url, null, "mutation($i: SignInInput!) { signIn(input: $i) { token } }", {
    i: { email: "admin@example.com", password: PASSWORD },
  })).signIn;
  assert.ok(token);
  for (const path of ["/playground/", "/playground/assets/none.js", "/pages/none.js"]) {
    const { status } = await fetch(pages.server.url + path, { redirect: "manual" });
    assert.equal(status, path === "/playground/" ? 308 : 404);
  }
});
