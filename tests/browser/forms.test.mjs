// The forms on the hosted pages: what goes wrong on a phone, and what password managers need.
import assert from "node:assert/strict";
import { test } from "node:test";

import { PASSWORD, devices, graphql, picture, site } from "./support.mjs";

// The playground is off, as it is in production; "back" brings pages as they were.
const pages = site(["playground.enabled=false"], "", { ignoreDefaultArgs: ["--disable-back-forward-cache"] });
const { newPage, isFine } = pages;
const ADA = "ada@example.com";
let adas;

const user = () => (adas ??= pages.addUser(ADA, { firstName: "Ada" }));

/** Whether nothing sticks out of the page sideways. */
async function fits(page, name) {
  const { width } = page.viewportSize();
  const scrolls = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(scrolls <= width, `${name} is ${scrolls} px wide on a screen of ${width} px`);
}

test("people with any name and address fit on any screen", async () => {
  const names = {
    long: { firstName: "W".repeat(100), lastName: "m".repeat(100) },
    none: {},
    rtl: { firstName: "عبد الرحمن", lastName: "الخوارزمي" },
    cjk: { firstName: "鈴木".repeat(40), lastName: "太郎" },
  };
  const addresses = {};
  for (const [kind, name] of Object.entries(names)) {
    addresses[kind] = `${kind}.${"a".repeat(64 - kind.length - 1)}@${"long-domain".repeat(5)}.${"sub".repeat(15)}.example.com`;
    await pages.addUser(addresses[kind], name);
  }
  for (const [kind, address] of Object.entries(addresses)) {
    const page = await newPage({ viewport: { width: 320, height: 640 } });
    await pages.signIn(page, address, PASSWORD);
    await page.locator("#dashboard").waitFor();
    for (const [path, part] of [["/", "#dashboard"], ["/account", "#sessions li"], ["/nowhere", "h1"]]) {
      pages.troubles.length = 0;
      await page.goto(pages.server.url + path);
      await page.locator(part).first().waitFor();
      if (path !== "/nowhere" && ["long", "rtl"].includes(kind)) await isFine(page);
      for (const width of [320, 375, 768]) {
        await page.setViewportSize({ width, height: 640 });
        await picture(page, `${kind}-${width}${path.replace("/", "-")}`);
        await fits(page, `${path} of ${kind}`);
      }
    }
    await page.context().close();
  }
  // Nobody is signed in: the other pages, with a long address where one is shown.
  const invitation = await pages.invite(`x.${addresses.long}`.slice(2).replace("long.a", "other."));
  const page = await newPage({ viewport: { width: 320, height: 640 } });
  for (const path of ["/sign-in", "/forgotten-password", invitation, "/reset-password?token=x", "/accept-invitation?token=x"]) {
    await page.goto(new URL(path, pages.server.url).href);
    await page.locator("main h1:visible").waitFor();
    await isFine(page);
    for (const width of [320, 375, 768]) {
      await page.setViewportSize({ width, height: 640 });
      await fits(page, path);
    }
    await picture(page, `768-${path.split("/").at(-1).split("?")[0]}`);
  }
});

test("the tiles of the built-in applications lead to the console", async () => {
  await user();
  const page = await newPage();
  await pages.signIn(page, ADA, PASSWORD);
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  const lead = await page.locator("#applications a").evaluateAll((tiles) => tiles.map((tile) => tile.href));
  assert.deepEqual(lead, ["users", "roles", "email-queue", "event-log"].map((code) => `${pages.server.url}/console/${code}`));
});

test("an address without a page has one", async () => {
  const page = await newPage({ viewport: { width: 320, height: 640 } });
  const response = await page.goto(`${pages.server.url}/a/b/c?token=x`);
  assert.equal(response.status(), 404);
  await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  // The answer's status is all that the console has to say: style and logo are found.
  pages.troubles = pages.troubles.filter((trouble) => !trouble.includes("404"));
  await isFine(page);
  const colour = await page.getByRole("link", { name: "Go to the start page" }).evaluate((link) => getComputedStyle(link).backgroundColor);
  assert.equal(colour, "rgb(31, 79, 216)");
  await picture(page, "no-such-page");
  await page.getByRole("link", { name: "Go to the start page" }).click();
  await page.waitForURL(`${pages.server.url}/sign-in`);
});

test("without JavaScript, a page says what it needs", async () => {
  const page = await newPage({ javaScriptEnabled: false });
  for (const path of ["/", "/sign-in", "/accept-invitation?token=x", "/reset-password?token=x", "/account", "/forgotten-password"]) {
    await page.goto(pages.server.url + path);
    await page.locator("noscript p:visible").waitFor();
    assert.equal(await page.getByText("Loading").isVisible(), false, path);
  }
});

test("password managers find what they store, and phones leave it as it is", async () => {
  await user();
  const page = await newPage(devices["iPhone 15"]);
  const attributes = (locator) => locator.evaluate((input) => Object.fromEntries([...input.attributes].map(({ name, value }) => [name, value])));
  const asTyped = { autocapitalize: "none", autocorrect: "off", spellcheck: "false" };
  const has = async (locator, expected) => {
    const found = await attributes(locator);
    for (const [name, value] of Object.entries(expected)) assert.equal(found[name], value, name);
  };
  await page.goto(`${pages.server.url}/sign-in`);
  const email = page.getByLabel("E-mail address");
  await has(email, { type: "email", inputmode: "email", autocomplete: "username", ...asTyped });
  await has(page.getByLabel("Password", { exact: true }), { type: "password", autocomplete: "current-password", ...asTyped });

  await page.goto(await pages.invite("manager@example.com"));
  const chosen = page.getByLabel("Password", { exact: true });
  await chosen.waitFor();
  await has(chosen, { type: "password", autocomplete: "new-password", ...asTyped });
  await has(email, { autocomplete: "username" });
  assert.equal(await email.inputValue(), "manager@example.com");

  await page.goto(`${pages.server.url}/forgotten-password`);
  await has(email, { type: "email", inputmode: "email", autocomplete: "username", ...asTyped });
  await email.fill(ADA);
  await page.getByRole("button", { name: "Send link" }).click();
  await page.goto(await pages.server.linkFor(ADA, "/reset-password"));
  await page.getByText(`For ${ADA}.`).waitFor();
  await has(page.getByLabel("New password", { exact: true }), { autocomplete: "new-password", ...asTyped });
  const username = page.locator("input[name=username]");
  await has(username, { autocomplete: "username" });
  assert.equal(await username.inputValue(), ADA);
  await isFine(page);
});

test("a password is pasted, shown, and hidden before it is sent, and Caps Lock is told", async () => {
  await user();
  const page = await newPage();
  await page.goto(`${pages.server.url}/sign-in`);
  await page.getByLabel("E-mail address").fill(ADA);
  const password = page.getByLabel("Password", { exact: true });
  await password.evaluate((input) => {
    const data = new DataTransfer();
    data.setData("text/plain", "wrong");
    input.focus();
    const isHandled = !input.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    if (isHandled) throw new Error("pasting is prevented");
  });
  await password.fill("wrong");
  const press = (isOn) => password.evaluate((input, isOn) => input.dispatchEvent(new KeyboardEvent("keyup", { key: "A", modifierCapsLock: isOn })), isOn);
  await press(true);
  await page.getByText("Caps Lock is on.").waitFor();
  await press(false);
  await page.getByText("Caps Lock is on.").waitFor({ state: "detached" }).catch(() => {});
  assert.equal(await page.getByText("Caps Lock is on.").count(), 0);
  await page.getByRole("button", { name: "Show password" }).click();
  assert.equal(await password.getAttribute("type"), "text");
  await page.locator("#announcement", { hasText: "is shown" }).waitFor({ state: "attached" });
  assert.equal(await page.getByRole("button", { name: "Hide password" }).textContent(), "Hide");
  await isFine(page);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Incorrect e-mail address or password").waitFor();
  assert.equal(await password.getAttribute("type"), "password");
  assert.ok(await password.evaluate((input) => input === document.activeElement));
  assert.equal(await page.getByLabel("E-mail address").inputValue(), ADA);
});

test("what was typed survives a lost connection, and is sent once", async () => {
  await user();
  const page = await newPage(devices["Pixel 7"]);
  await page.goto(await pages.invite("offline@example.com"));
  await page.getByLabel("First name").fill("Olga");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  const join = page.getByRole("button", { name: "Join Usher" });
  await page.context().setOffline(true);
  await join.click();
  const alert = page.getByRole("alert").filter({ hasText: "The server cannot be reached." });
  await alert.waitFor();
  assert.ok(await alert.evaluate((alert) => alert === document.activeElement));
  assert.equal(await page.getByLabel("First name").inputValue(), "Olga");
  assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), PASSWORD);
  await page.context().setOffline(false);

  // The answer takes a while; meanwhile, somebody is impatient.
  let sent = 0;
  await page.route("**/graphql", async (route) => {
    if (route.request().postData().includes("acceptInvitation")) sent += 1;
    await route.continue();
  });
  await join.evaluate((button) => {
    button.click();
    button.click();
    button.form.requestSubmit();
  });
  await page.getByRole("heading", { name: "Hello, Olga" }).waitFor();
  assert.equal(sent, 1);
});

test("a page that could not ask the server asks again", async () => {
  const link = await pages.invite("again@example.com");
  const page = await newPage();
  await page.route("**/graphql", (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" }));
  await page.goto(link);
  await page.getByRole("heading", { name: "Something went wrong" }).waitFor();
  await page.unroute("**/graphql");
  await page.getByRole("link", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
});

test("an invitation says who is signed in, and changes to whom it is for", async () => {
  await user();
  const page = await newPage();
  await pages.signIn(page, ADA, PASSWORD);
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await page.goto(await pages.invite("bert@example.com"));
  await page.getByText(`You are signed in as ${ADA} now.`).waitFor();
  await isFine(page);
  await page.getByLabel("First name").fill("Bert");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Join Usher" }).click();
  await page.getByRole("heading", { name: "Hello, Bert" }).waitFor();
  // "Back" passes by the used invitation, to a page that shows whose session it is.
  await page.goBack();
  await page.getByRole("heading", { name: "Hello, Bert" }).waitFor();
});

test("a session that has ended leads to sign-in and back, and shows nothing to whoever goes back", async () => {
  await user();
  const page = await newPage();
  await pages.signIn(page, ADA, PASSWORD);
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  await page.goto(`${pages.server.url}/account`);
  await page.getByText("(this session)").waitFor();
  const { token } = (await graphql(pages.server.url, null, "mutation($i: SignInInput!) { signIn(input: $i) { token } }", { i: { email: ADA, password: PASSWORD } })).signIn;
  const { sessions } = await graphql(pages.server.url, token, "{ sessions { id isCurrent } }");
  for (const { id, isCurrent } of sessions) {
    if (!isCurrent) await graphql(pages.server.url, token, "mutation($i: RevokeSessionInput!) { revokeSession(input: $i) { revokedId } }", { i: { id } });
  }
  await page.getByRole("button", { name: "Save" }).click();
  await page.waitForURL(`${pages.server.url}/sign-in?next=account`);
  await page.getByLabel("E-mail address").fill(ADA);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("(this session)").waitFor();

  await page.locator("#user-menu summary").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await page.goBack();
  await page.waitForURL(`${pages.server.url}/sign-in?next=account`);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  assert.equal(await page.getByText(ADA).count(), 0);
});
