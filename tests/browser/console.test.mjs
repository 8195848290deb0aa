// The console: what an administrator does who is no developer, by mouse and by keyboard.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PASSWORD, devices, graphql, site } from "./support.mjs";

const ADA = "ada@kbank.com";

// Nobody listens at that port: the mail server is down.
const MAIL = ["mail.transport=smtp", "mail.smtp.host=127.0.0.1", "mail.smtp.port=9", "mail.smtp.tls=none"];

// Browsers keep a page as it was for "back", which Playwright switches off.
const KEEPS_PAGES = { ignoreDefaultArgs: ["--disable-back-forward-cache"] };

const pages = site(MAIL, `
[branding]
name = "K Bank"

[[applications]]
code = "content-hub"
name = "Content hub"
actions = ["view", "create", "update"]
url = "https://content.kbank.com/"

[[applications]]
code = "digital-marketing"
name = "Digital marketing"
actions = ["view", "create"]
`, KEEPS_PAGES);
const { newPage, isFine } = pages;

let ada;
/** Her token: she is the administrator of every test. */
const administrator = () => (ada ??= pages.addUser(ADA, { firstName: "Ada", lastName: "Weber" }));
const usher = async (query, variables) => graphql(pages.server.url, await administrator(), query, variables);

/** A page of somebody who is signed in, at an address of the console. `prepare` may do something to it before. */
async function open(path, { email = ADA, password = PASSWORD, ...options } = {}, prepare = async () => {}) {
  await administrator();
  const page = await newPage(options);
  await prepare(page);
  await page.goto(`${pages.server.url}/sign-in?next=${encodeURIComponent(path)}`);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => !url.pathname.endsWith("/sign-in"));
  return page;
}

/** Goes on with the Tab key until the focus is there. */
async function tabTo(target) {
  await target.waitFor({ state: "attached" });
  for (let presses = 0; presses < 150; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await target.page().keyboard.press("Tab");
  }
  assert.fail(`The Tab key does not lead to ${target}`);
}

const byMouse = {
  press: (target) => target.click(),
  // What is clicked is the label: the box itself is drawn.
  check: (target) => target.locator("xpath=ancestor::label").click(),
  type: (target, text) => target.fill(text),
};

const byKeyboard = {
  async press(target) {
    await tabTo(target);
    await target.page().keyboard.press("Enter");
  },
  async check(target) {
    await tabTo(target);
    await target.page().keyboard.press("Space");
  },
  async type(target, text) {
    await tabTo(target);
    await target.page().keyboard.type(text);
  },
};

/** The whole of it: a role, an invitation that cannot be sent, its link from the queue, and the end. */
async function story(hand, { role, first, last }) {
  const email = `${first}.${last}@kbank.com`.toLowerCase();
  const name = `${first} ${last}`;
  const page = await open("");
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await hand.press(page.getByRole("link", { name: "Roles", exact: true }));

  await page.getByRole("heading", { name: "Roles", level: 1 }).waitFor();
  await page.getByRole("table").waitFor();
  await isFine(page);
  await hand.press(page.getByRole("link", { name: "New role" }));
  await hand.type(page.getByLabel("Name", { exact: true }), role);
  await hand.check(page.getByRole("group", { name: "Content hub" }).getByRole("checkbox", { name: /^view/ }));
  await isFine(page);
  await hand.press(page.getByRole("button", { name: "Create" }));
  await page.getByRole("heading", { name: role, level: 1 }).waitFor();
  await isFine(page);

  await hand.press(page.getByRole("navigation").getByRole("link", { name: "Users" }));
  await page.getByRole("table").waitFor();
  await isFine(page);
  await hand.press(page.getByRole("link", { name: "Invite somebody" }));
  await hand.type(page.getByLabel("E-mail address"), email);
  await hand.type(page.getByLabel(/^First name/), first);
  await hand.type(page.getByLabel(/^Last name/), last);
  await hand.check(page.getByRole("checkbox", { name: new RegExp(`^${role}`) }));
  await isFine(page);
  await hand.press(page.getByRole("button", { name: "Invite", exact: true }));
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await isFine(page);

  await hand.press(page.getByRole("navigation").getByRole("link", { name: "E-mail queue" }));
  await page.getByText("Cannot send by smtp").waitFor();
  await isFine(page);
  const row = page.getByRole("row", { name: new RegExp(email) });
  await hand.press(row.getByRole("link", { name: "You have been invited to join K Bank" }));
  // While nothing can be sent, what is queued waits without having been tried.
  await page.getByRole("heading", { name: "You have been invited to join K Bank", level: 1 }).waitFor();
  await page.frameLocator("iframe").getByText("[secret link]").waitFor();
  await isFine(page);
  await hand.press(page.getByRole("button", { name: "Show the link" }));
  const link = await page.locator(".secret code").innerText();
  await isFine(page);

  const other = await newPage();
  await other.goto(link);
  await other.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await other.getByRole("button", { name: "Join K Bank" }).click();
  await other.getByRole("heading", { name: `Hello, ${first}` }).waitFor();
  assert.deepEqual(await other.locator("#applications b").allInnerTexts(), ["Content hub"]);
  // A role that comes to allow more shows at once.
  const { roles } = await usher("query($r: String!) { roles(filter: { codeNames: [$r] }) { nodes { id } } }", { r: role });
  const update = "mutation($i: UpdateRoleInput!) { updateRole(input: $i) { userErrors { message } } }";
  await usher(update, { i: { id: roles.nodes[0].id, addPermissions: ["digital-marketing.view"] } });
  await other.locator("#applications").getByText("Digital marketing").waitFor();
  const nowhere = await other.context().newPage();
  await nowhere.goto(`${pages.server.url}/console/users`);
  await nowhere.getByRole("heading", { name: "This page does not exist" }).waitFor();

  await hand.press(page.getByRole("link", { name }));
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await page.getByText("Accepted").first().waitFor();
  await hand.press(page.getByRole("button", { name: "Deactivate" }));
  const dialog = page.getByRole("alertdialog");
  await dialog.waitFor();
  await hand.press(dialog.getByRole("button", { name: "Deactivate" }));
  await dialog.waitFor({ state: "detached" });
  const begun = Date.now();
  await other.getByRole("heading", { name: "You are no longer signed in" }).waitFor();
  await nowhere.getByRole("heading", { name: "Your session has ended" }).waitFor();
  console.log(`${name}'s pages said so after ${Date.now() - begun} ms`);

  await hand.press(page.getByRole("navigation").getByRole("link", { name: "Event log" }));
  const deactivated = page.getByRole("row", { name: new RegExp(`User deactivated.*${email}`) });
  await deactivated.first().waitFor();
  await page.getByRole("row", { name: /Secret link shown/ }).first().waitFor();
  await isFine(page);
}

test("the story of an invitation, by mouse", () => story(byMouse, { role: "Editor", first: "Laura", last: "Miller" }));

test("the story of an invitation, by keyboard", () => story(byKeyboard, { role: "Author", first: "Peter", last: "Novak" }));

test("what the console sends grants nobody more than they hold", async () => {
  const create = "mutation($i: CreateRoleInput!) { createRole(input: $i) { role { id } userErrors { message } } }";
  const permissions = ["users.view", "users.create", "users.update", "roles.view"];
  const { createRole } = await usher(create, { i: { name: "Helper", permissions } });
  const invite = "mutation($i: InviteUserInput!) { inviteUser(input: $i) { link userErrors { message } } }";
  const { inviteUser } = await usher(invite, { i: { email: "helper@kbank.com", roleIds: [createRole.role.id], sendEmail: false } });
  const helper = await newPage();
  await helper.goto(inviteUser.link);
  await helper.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await helper.getByRole("button", { name: "Join K Bank" }).click();
  await helper.locator("#applications a").first().waitFor();

  const { roles } = await usher("{ roles { nodes { id isProtected } } }");
  const strongest = roles.nodes.find(({ isProtected }) => isProtected).id;
  await helper.goto(`${pages.server.url}/console/users/new`);
  // It cannot be chosen, and says why.
  const option = helper.getByRole("checkbox", { name: /^Administrator/ });
  await option.locator("xpath=ancestor::label").click();
  assert.equal(await option.isChecked(), false);
  await helper.getByText("You cannot give this role").first().waitFor();
  await isFine(helper);

  // The request that the page sends is changed on its way.
  await helper.route("**/graphql", async (route) => {
    const sent = route.request().postDataJSON();
    if (sent?.query?.includes("inviteUser(")) sent.variables.input.roleIds = [strongest];
    await route.continue({ postData: JSON.stringify(sent) });
  });
  await helper.getByLabel("E-mail address").fill("friend@kbank.com");
  await helper.getByRole("checkbox", { name: /^Helper/ }).locator("xpath=ancestor::label").click();
  await helper.getByRole("button", { name: "Invite", exact: true }).click();
  await helper.locator("[role=alert], .error").filter({ hasText: /\w/ }).first().waitFor();
  const found = await usher('{ users(filter: { search: "friend@" }) { totalCount } }');
  assert.equal(found.users.totalCount, 0);
  // Nor by way of the address of a page that they may not see.
  await helper.goto(`${pages.server.url}/console/event-log`);
  await helper.getByRole("heading", { name: "This page does not exist" }).waitFor();
});

test("filters stand in the address, and an answer that comes late is not shown", async () => {
  const page = await open("console/users");
  await page.getByRole("table").waitFor();
  let release;
  const held = new Promise((resolve) => (release = resolve));
  const isLate = (request) => Boolean(request.postData()?.includes('"search":"nobody"'));
  await page.route("**/graphql", async (route) => {
    if (isLate(route.request())) await held;
    await route.continue().catch(() => {});
  });
  const search = page.getByRole("searchbox");
  const asked = page.waitForRequest(isLate);
  await search.fill("nobody");
  await asked;
  await search.fill("ada@");
  await page.waitForURL(/search=ada/);
  await page.getByRole("row", { name: /ada@kbank.com/ }).waitFor();
  release();
  await page.getByText("1 person").waitFor();
  await page.reload();
  await page.getByText("1 person").waitFor();
  assert.equal(await page.getByRole("searchbox").inputValue(), "ada@");
  await page.getByRole("searchbox").fill("no such person");
  await page.getByText("Nobody matches these filters.").waitFor();
  await isFine(page);
});

test("a list that loads, fails or may not be seen is fine, too", async () => {
  const page = await open("console/roles");
  await page.getByRole("table").waitFor();
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  await page.route("**/graphql", async (route) => {
    if (!route.request().postData()?.includes("query Users(")) return route.continue();
    await held;
    const extensions = { code: "UNAVAILABLE", retryAfter: 7 };
    await route.fulfill({ status: 503, json: { errors: [{ message: "Away.", extensions }] } });
  });
  await page.getByRole("navigation").getByRole("link", { name: "Users" }).click();
  await page.getByText("Loading").waitFor();
  await isFine(page);
  answer();
  await page.getByText("The server is not available, and has changed nothing. Try again in 7 seconds.").waitFor();
  // The answer's status is all that the browser says of it.
  pages.troubles = pages.troubles.filter((trouble) => !trouble.includes("503"));
  await isFine(page);
  await page.unroute("**/graphql");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("row", { name: /ada@kbank.com/ }).waitFor();

  await page.goto(`${pages.server.url}/console/users/user_00000000000000000000000000`);
  await page.getByRole("heading", { name: "This page does not exist" }).waitFor();
  await isFine(page);
});

test("what was typed is there again for those who come back, until it is sent", async () => {
  const create = "mutation($i: CreateRoleInput!) { createRole(input: $i) { userErrors { message } } }";
  for (const name of ["Draft Reader", "Draft Writer"]) await usher(create, { i: { name, permissions: ["content-hub.view"] } });
  const page = await open("console/users/import");
  const list = page.getByLabel("Addresses, or a table");
  const text = "email,roles\ndraft.one@kbank.com,draft reader\ndraft.two@kbank.com,\nada@kbank.com,";
  await list.fill(text);
  await page.getByRole("checkbox", { name: "Draft Writer" }).locator("xpath=ancestor::label").click();
  await page.getByRole("navigation").getByRole("link", { name: "Roles" }).click();
  await page.getByRole("heading", { name: "Roles", level: 1 }).waitFor();
  await page.goBack();
  assert.equal(await list.inputValue(), text);

  // Which roles each would get, by their names; and whose an address is already.
  await page.getByRole("button", { name: "See what would be done" }).click();
  await page.getByRole("row", { name: /draft\.one@kbank\.com Draft Reader will be invited/ }).waitFor();
  await page.getByRole("row", { name: /draft\.two@kbank\.com Draft Writer will be invited/ }).waitFor();
  await page.getByRole("link", { name: ADA }).waitFor();
  await isFine(page);
  const asked = [];
  page.on("dialog", (dialog) => asked.push(dialog.type()) && dialog.accept());
  await page.getByRole("button", { name: "Invite 2 people" }).click();
  await page.getByText("2 people were invited.").waitFor();
  await page.reload();
  await list.fill("somebody");
  await page.reload();
  await list.waitFor();
  assert.deepEqual(asked, ["beforeunload"]);
  assert.equal(await list.inputValue(), "");
});

for (const viewport of [{ width: 1280, height: 800 }, { width: 390, height: 844 }]) {
  test(`the list keeps still when rows are ticked, at ${viewport.width} px`, async () => {
    const invite = "mutation($i: InviteUserInput!) { inviteUser(input: $i) { userErrors { message } } }";
    const { roles } = await usher("{ roles { nodes { id } } }");
    for (const name of ["one", "two"]) {
      await usher(invite, { i: { email: `ticked.${name}.${viewport.width}@kbank.com`, roleIds: [roles.nodes[0].id] } });
    }
    const page = await open(`console/users?search=ticked.`, { viewport });
    await page.getByRole("table").waitFor();
    const ticks = page.locator("tbody .check");
    const place = () => ticks.nth(1).boundingBox();
    const before = await place();
    await ticks.nth(0).click();
    await page.locator(".bulk").waitFor();
    assert.deepEqual(await place(), before);
    await ticks.nth(1).click();
    await isFine(page);
    await page.getByRole("button", { name: "Send invitations again" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Send again" }).click();
    await page.getByText("Done for 2 people.").waitFor();
    // What lies at the bottom of the window covers the end of the page only until one scrolls.
    await ticks.nth(0).click();
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    const bottomOf = (element) => element.evaluate((each) => each.getBoundingClientRect().bottom);
    const top = await page.locator(".bulk").evaluate((each) => each.getBoundingClientRect().top);
    assert.ok((await bottomOf(page.locator(".pager"))) <= top);
  });
}

test("every page says that the queue is paused, to those who may see the queue", async () => {
  const page = await open("console/roles");
  const notice = page.getByText("The e-mail queue is paused: no e-mail is sent.");
  await page.getByRole("table").waitFor();
  await usher("mutation { pauseEmailQueue { userErrors { message } } }");
  await notice.waitFor();
  await isFine(page);
  await page.getByRole("link", { name: "To the queue" }).click();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.goBack();
  await notice.waitFor({ state: "detached" });
});

test("a lost connection and an ended session lose nothing that was typed", async () => {
  const page = await open("console/users/new");
  const email = page.getByLabel("E-mail address");
  await email.fill("typed@kbank.com");
  await page.context().setOffline(true);
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await page.getByText("The server cannot be reached").first().waitFor();
  assert.equal(await email.inputValue(), "typed@kbank.com");
  await page.context().setOffline(false);

  await page.context().clearCookies();
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  const dialog = page.getByRole("alertdialog", { name: "Your session has ended" });
  await dialog.waitFor();
  const tab = page.context().waitForEvent("page");
  await dialog.getByRole("link", { name: "Sign in in a new tab" }).click();
  const signIn = await tab;
  await signIn.getByLabel("E-mail address").fill(ADA);
  await signIn.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await signIn.getByRole("button", { name: "Sign in" }).click();
  await signIn.waitForURL(/console\/users\/new/);
  await page.bringToFront();
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await dialog.waitFor({ state: "detached" });
  assert.equal(await email.inputValue(), "typed@kbank.com");
});

test("whoever signs out leaves nothing behind for back", async () => {
  const page = await open("console/users");
  await page.getByRole("row", { name: /ada@kbank.com/ }).waitFor();
  await page.getByRole("button", { name: "Account menu of Ada Weber" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByLabel("Keep me signed in").waitFor();
  await page.goBack();
  await page.waitForURL(/\/sign-in/);
  assert.equal(await page.getByText("ada@kbank.com").count(), 0);
});

test("when somebody else signs in in another window, the first one shows nothing of before", async () => {
  const page = await open("console/users");
  await page.getByRole("button", { name: "Account menu of Ada Weber" }).waitFor();
  await pages.addUser("eve@kbank.com", { firstName: "Eve" });
  const other = await page.context().newPage();
  // It has Ada's session, too.
  await other.goto(`${pages.server.url}/account`);
  await other.locator("#user-menu summary").click();
  await other.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("alertdialog", { name: "Your session has ended" }).waitFor();
  await pages.signIn(other, "eve@kbank.com", PASSWORD);
  await page.getByRole("button", { name: "Account menu of Eve" }).waitFor();
});

test("whoever has gone elsewhere is not led away, and a link that nobody saw is told of", async () => {
  const page = await open("console/users/new");
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route("**/graphql", async (route) => {
    if (route.request().postData()?.includes("inviteUser(")) await held;
    await route.continue().catch(() => {});
  });
  await page.getByLabel("E-mail address").fill("late@kbank.com");
  await byMouse.check(page.getByRole("checkbox", { name: /^Administrator/ }));
  await byMouse.check(page.getByRole("radio", { name: /^Only show it to me/ }));
  const asked = page.waitForRequest((request) => Boolean(request.postData()?.includes("inviteUser(")));
  await page.getByRole("button", { name: "Make the link" }).click();
  await asked;
  await page.getByRole("navigation").getByRole("link", { name: "Roles" }).click();
  await page.getByRole("heading", { name: "Roles", level: 1 }).waitFor();
  release();
  await page.getByText(/late@kbank.com.* the link was lost/).waitFor();
  assert.match(page.url(), /console\/roles$/);
});

test("lists are read as Excel and Outlook write them", async () => {
  const page = await open("console/users/import");
  const found = async (text, ...addresses) => {
    await page.getByRole("textbox").first().fill(text);
    await page.getByRole("button", { name: "See what would be done" }).click();
    for (const address of addresses) await page.getByRole("row", { name: address }).waitFor();
    assert.equal(await page.getByRole("row").count(), addresses.length + 1);
    await page.getByRole("button", { name: "Change the list" }).click();
  };
  await found("\uFEFFsep=;\r\nemail (name@domain);Vorname;roles\r\nsam@kbank.com;Sam;administrator\r\n", /sam@kbank.com/);
  await found('"Miller, Laura" <laura.m@kbank.com>; Peter Novak <peter.n@kbank.com>', /Laura Miller.*laura.m@kbank.com|laura.m@kbank.com.*Laura Miller/, /peter.n@kbank.com/);
  await isFine(page);
});

test("in German, on a phone, each page is fine", async () => {
  const page = await open("console/users", { locale: "de-DE", viewport: { width: 390, height: 844 } });
  for (const [path, title] of [
    ["users", "Benutzer"],
    ["users/new", "Jemanden einladen"],
    ["users/import", "Mehrere einladen"],
    ["roles", "Rollen"],
    ["roles/new", "Neue Rolle"],
    ["email-queue", "E-Mail-Warteschlange"],
    ["event-log", "Ereignisprotokoll"],
  ]) {
    await page.goto(`${pages.server.url}/console/${path}`);
    await page.getByRole("heading", { name: title, level: 1 }).waitFor();
    await page.waitForFunction(() => !document.querySelector(".loading"));
    await isFine(page);
    const overflows = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(overflows, false, path);
  }
});

// There, React Aria Components puts a style into the page, which the policy has to allow.
test("on an iPhone, the page behind a dialog keeps still", async () => {
  const page = await open("console/email-queue", { ...devices["iPhone 15"], locale: "en-GB" }, (page) =>
    page.addInitScript(() => {
      Object.defineProperty(navigator, "platform", { get: () => "iPhone" });
      Object.defineProperty(navigator, "userAgentData", { get: () => undefined });
    }),
  );
  const behaviour = () => page.evaluate(() => getComputedStyle(document.querySelector("main")).overscrollBehavior);
  await page.getByRole("button", { name: "Send a test e-mail" }).click();
  await page.getByRole("dialog").waitFor();
  assert.equal(await behaviour(), "contain");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await behaviour(), "auto");
  await isFine(page);
});
