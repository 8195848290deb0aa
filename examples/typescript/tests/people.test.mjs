// What people do: an administrator invites somebody, who signs up and sees their applications.
import assert from "node:assert/strict";
import { test } from "node:test";

import { ADMINISTRATOR, frontEnd } from "./support.mjs";

const site = frontEnd();
const NEW = { email: "nina.berg@example.com", password: "copper-violin-58-harbour" };

test("an administrator invites somebody, who signs up and sees only their applications", async (t) => {
  const context = await site.newContext();
  const queue = await site.signedIn(ADMINISTRATOR, context);
  const page = await context.newPage();
  let link;

  await t.test("the dashboard lists what the administrator may do", async () => {
    await page.goto(site.url);
    const applications = page.getByRole("list", { name: "Applications" }).getByRole("listitem");
    await applications.first().waitFor();
    assert.equal(await applications.count(), 7);
  });

  await t.test("people are found while somebody types", async () => {
    await page.getByRole("link", { name: "People" }).click();
    await page.getByRole("status").getByText("10 people").waitFor();
    await page.getByLabel("Search").pressSequentially("lauram@");
    await page.getByRole("status").getByText("1 person").waitFor();
    const [row] = await page.locator("tbody tr").all();
    assert.deepEqual(await row.locator("th, td").allInnerTexts(), [
      "Laura Miller",
      "lauram@kbank.com",
      "active",
      "Digital Channel Manager",
    ]);
  });

  await t.test("a user error stands at its field", async () => {
    await page.getByRole("link", { name: "Invite" }).click();
    const address = page.getByLabel("E-mail address");
    const invite = page.getByRole("button", { name: "Invite" });
    const isRefused = async (message) => {
      await page.getByText(message).waitFor();
      assert.equal(await address.getAttribute("aria-invalid"), "true");
      const described = await address.getAttribute("aria-describedby");
      assert.equal(await page.locator(`[id="${described}"]`).innerText(), message);
    };
    await address.fill("nonsense");
    await invite.click();
    await isRefused("Enter one e-mail address, such as name@example.com.");
    const roles = page.getByRole("group", { name: "Roles" });
    assert.match(await roles.innerText(), /Choose at least one role\./);

    await address.fill("lauram@kbank.com");
    await roles.getByLabel("Digital Channel Manager").check();
    await invite.click();
    await isRefused("A user with this e-mail address already exists.");
    assert.doesNotMatch(await roles.innerText(), /Choose/);
  });

  await t.test("the invitation's e-mail comes by the subscription", async () => {
    await queue.getByRole("link", { name: "E-mails" }).click();
    await queue.getByRole("status").getByText("Live").waitFor();
    await queue.getByRole("list", { name: "E-mails" }).getByRole("listitem").first().waitFor();
    await queue.waitForLoadState("networkidle");
    // From here on, the page asks for nothing: what it shows is told to it.
    const asked = [];
    queue.on("request", (request) => asked.push(request.url()));

    await page.getByLabel("E-mail address").fill(NEW.email);
    await page.getByLabel("First name").fill("Nina");
    await page.getByLabel("Last name").fill("Berg");
    await page.getByRole("button", { name: "Invite" }).click();
    await page.getByText(`${NEW.email} has been invited.`).waitFor();
    assert.equal(await page.getByLabel("E-mail address").inputValue(), "");

    const email = queue.getByRole("listitem").filter({ hasText: NEW.email });
    await email.getByText(`to ${NEW.email}: sent`).waitFor();
    assert.equal(await email.count(), 1);
    assert.deepEqual(asked, []);
    await email.getByRole("button", { name: "Show link" }).click();
    link = await email.getByRole("link").getAttribute("href");
  });

  await t.test("somebody who has been invited is in the list", async () => {
    await page.getByRole("link", { name: "People" }).click();
    await page.getByRole("status").getByText("11 people").waitFor();
    await page.getByLabel("Search").fill("Nina");
    await page.getByRole("row").filter({ hasText: NEW.email }).getByText("invited").waitFor();
    await page.getByLabel("Search").fill("");
    await page.getByRole("status").getByText("11 people").waitFor();
  });

  await t.test("the list has pages", async () => {
    const names = () => page.locator("tbody th").allInnerTexts();
    const next = page.getByRole("button", { name: "Next" });
    const first = await names();
    assert.equal(first.length, 5);
    await next.click();
    await page.getByRole("rowheader", { name: first[0] }).waitFor({ state: "detached" });
    const second = await names();
    assert.equal(new Set([...first, ...second]).size, 10);
    await page.getByRole("button", { name: "Previous" }).click();
    await page.getByRole("rowheader", { name: first[0] }).waitFor();
    assert.deepEqual(await names(), first);
    assert.equal(await page.getByRole("button", { name: "Previous" }).isDisabled(), true);
  });

  await t.test("the new person signs up on the hosted page", async () => {
    const other = await (await site.newContext()).newPage();
    await other.goto(link);
    await other.getByLabel("Password", { exact: true }).fill(NEW.password);
    await other.getByRole("button", { name: "Join Usher" }).click();
    await other.getByText("Nina Berg").first().waitFor();
  });

  await t.test("and signs in here, to see only their applications", async () => {
    const other = await site.signedIn(NEW);
    await other.getByText("Welcome, Nina Berg.").waitFor();
    const applications = other.getByRole("list", { name: "Applications" }).locator("strong");
    assert.deepEqual(await applications.allInnerTexts(), ["Content hub", "Channel management"]);
    assert.deepEqual(await other.getByRole("navigation").getByRole("link").allInnerTexts(), ["Applications"]);
    await other.getByRole("button", { name: "Sign out" }).click();
    await other.getByText("You are signed out.").waitFor();
    await other.reload();
    await other.getByRole("heading", { name: "Sign in" }).waitFor();
  });
});
