// Sign-in and console in other browsers than Chromium: Firefox, and WebKit, which Safari is made of. What is tried
// is little, and what browsers differ in: where a click goes, what the policy refuses, dialogs, frames.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { PASSWORD, freePort, graphql, startServer, tokenOf } from "./support.mjs";

const require = createRequire(join(process.env.BROWSER_MODULES, "package.json"));
const puppeteer = require("puppeteer-core").default;
const { Builder, By, Key, until } = require("selenium-webdriver");

const PATIENCE = 15_000;
const ADA = "ada@kbank.com";

let server;
before(async () => {
  server = await startServer();
  const invited = server.run("invite-administrator", ADA).trim().split("\n").at(-1);
  const accept = "mutation($i: AcceptInvitationInput!) { acceptInvitation(input: $i) { token userErrors { message } } }";
  const input = { token: tokenOf(invited), password: PASSWORD, firstName: "Ada", lastName: "Weber" };
  const { acceptInvitation } = await graphql(server.url, null, accept, { i: input });
  const invite = `mutation($i: InviteUsersInput!) { inviteUsers(input: $i) { results { outcome } userErrors { message } } }`;
  const people = ["Eva", "Inês", "Laura", "Peter"].map((firstName) => ({
    email: `${firstName.replace("ê", "e").toLowerCase()}@kbank.com`,
    firstName,
    lastName: "Miller",
    roleCodeNames: ["administrator"],
  }));
  const { inviteUsers } = await graphql(server.url, acceptInvitation.token, invite, { i: { invitations: people } });
  assert.deepEqual(inviteUsers.userErrors, []);
});
after(() => server?.stop());

/** A page in Firefox, by WebDriver BiDi. */
async function inFirefox() {
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: process.env.FIREFOX, headless: true });
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 850 });
  page.setDefaultTimeout(PATIENCE);
  const at = (xpath) => page.waitForSelector(`::-p-xpath(${xpath})`);
  return {
    go: (url) => page.goto(url),
    see: at,
    type: async (xpath, text) => (await at(xpath)).type(text),
    click: async (xpath) => (await at(xpath)).click(),
    escape: () => page.keyboard.press("Escape"),
    gone: (xpath) => page.waitForSelector(`::-p-xpath(${xpath})`, { hidden: true }),
    evaluate: (run) => page.evaluate(run),
    close: () => browser.close(),
  };
}

/** A page in WebKitGTK's own small browser, by WebDriver. It needs a screen. */
async function inWebKit() {
  const port = await freePort();
  const driver = spawn("xvfb-run", ["--auto-servernum", "--server-args=-screen 0 1400x1000x24", "WebKitWebDriver", `--port=${port}`], {
    detached: true,
    stdio: "ignore",
  });
  const capabilities = {
    browserName: "MiniBrowser",
    "webkitgtk:browserOptions": { binary: process.env.WEBKIT, args: ["--automation"] },
  };
  const end = Date.now() + PATIENCE;
  const session = async () => {
    try {
      return await new Builder().usingServer(`http://127.0.0.1:${port}`).withCapabilities(capabilities).build();
    } catch (error) {
      if (Date.now() > end) throw error;
      return session();
    }
  };
  const browser = await session();
  await browser.manage().window().setRect({ width: 1280, height: 900 });
  const at = async (xpath) => {
    const element = await browser.wait(until.elementLocated(By.xpath(xpath)), PATIENCE);
    return browser.wait(until.elementIsVisible(element), PATIENCE);
  };
  return {
    go: (url) => browser.get(url),
    see: at,
    type: async (xpath, text) => (await at(xpath)).sendKeys(text),
    // Where it is on the screen, as a mouse does it: whatever lies over it gets the click.
    click: async (xpath) => browser.actions().move({ origin: await at(xpath) }).click().perform(),
    escape: () => browser.actions().sendKeys(Key.ESCAPE).perform(),
    gone: (xpath) => browser.wait(async () => (await browser.findElements(By.xpath(xpath))).length === 0, PATIENCE),
    evaluate: (run) => browser.executeScript(`return (${run})()`),
    close: async () => {
      await browser.quit();
      process.kill(-driver.pid);
    },
  };
}

for (const [name, open] of Object.entries({ Firefox: inFirefox, WebKit: inWebKit })) {
  test(`${name}: signing in, and the console`, { timeout: 120_000 }, async () => {
    const page = await open();
    try {
      await page.go(`${server.url}/sign-in?next=console/users`);
      await page.type("//input[@type='email']", ADA);
      await page.type("//input[@type='password']", PASSWORD);
      await page.click("//button[.='Sign in']");
      await page.see("//tr//a[contains(., 'Laura Miller')]");
      await page.evaluate(() => {
        globalThis.troubles = [];
        document.addEventListener("securitypolicyviolation", ({ violatedDirective, sample }) => troubles.push(`${violatedDirective} ${sample}`));
        addEventListener("error", ({ message }) => troubles.push(message));
      });

      // The link of a row is as large as the row, and no larger.
      await page.click("//tr[contains(., 'Laura Miller')]/td[last()]");
      await page.see("//h1[contains(., 'Laura Miller')]");
      await page.click("//nav//a[.='Roles']");
      await page.see("//h1[.='Roles']");
      await page.click("//tr[contains(., 'Administrator')]/td[last()]");
      await page.see("//h1[contains(., 'Administrator')]");

      await page.click("//nav//a[.='E-mail queue']");
      await page.click("//button[.='Send a test e-mail']");
      await page.see("//*[@role='dialog']");
      await page.escape();
      await page.gone("//*[@role='dialog']");
      await page.click("//tr[contains(., 'eva@kbank.com')]/td[last()]");
      await page.see("//iframe");
      await page.click("//nav//a[.='Event log']");
      await page.see("//tr//*[contains(., 'eva@kbank.com')]");
      assert.deepEqual(await page.evaluate(() => globalThis.troubles), []);
    } finally {
      await page.close();
    }
  });
}
