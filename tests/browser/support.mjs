// A server of its own for the tests, a browser, and what every page must hold.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";

// The packages are where `.ci/browser` has installed them, not in the repository.
const require = createRequire(join(process.env.BROWSER_MODULES, "package.json"));
export const { chromium, devices } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const PASSWORD = "walrus-teapot-93-orbit";

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts the built binary on an empty folder; mails go into files there. */
export async function startServer(settings = [], file = "") {
  const folder = mkdtempSync(join(tmpdir(), "usher-browser-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  writeFileSync(join(folder, "usher.toml"), file);
  const all = [`server.bind=127.0.0.1:${port}`, `server.public_url=${url}`, "server.drain=0s", "passwords.argon2.memory_kib=64", ...settings];
  let child;
  let log = "";
  const watchers = new Set();
  const start = async () => {
    log = "";
    child = spawn(process.env.USHER, all.flatMap((setting) => ["--set", setting]), { cwd: folder });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        log += data;
        for (const watcher of watchers) watcher();
      });
    }
    await printed(/Listening/);
  };
  const stop = async (signal = "SIGTERM") => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  };
  const printed = (pattern) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const match = log.match(pattern);
        if (!match) return;
        watchers.delete(look);
        clearTimeout(timer);
        resolve(match);
      };
      const timer = setTimeout(() => reject(new Error(`never printed: ${pattern}\n${log}`)), 30_000);
      watchers.add(look);
      look();
    });
  await start();
  return {
    url,
    /** Ends the server without a warning, and starts it again on the same database. */
    crash: async () => {
      await stop("SIGKILL");
      await start();
    },
    /** Runs a command on the same database, and returns what it prints. */
    run: (...command) =>
      execFileSync(process.env.USHER, [...command, "--set", `server.public_url=${url}`], { cwd: folder, encoding: "utf8" }),
    /** The link in the letter to that address, once it is printed. */
    linkFor: async (address, path = "/accept-invitation") => {
      const escaped = address.replaceAll(".", "\\.");
      return (await printed(new RegExp(`To: +${escaped}[^]*?(http\\S+${path}\\S*[?#&]token=\\S+)`)))[1];
    },
    stop: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends a document as a program would. */
/** The token of a link, wherever it stands there. */
export const tokenOf = (link) => link.match(/[?#&]token=([\w-]+)/)[1];

export async function graphql(url, token, query, variables = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** Notes whatever a page must not do: errors on the console, requests to elsewhere. */
export function watch(page, url, troubles) {
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) troubles.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  page.on("request", (request) => {
    const target = request.url();
    if (!target.startsWith(url) && !/^(data|blob|ws):/.test(target)) troubles.push(`foreign request: ${target}`);
  });
  return page;
}

/** In the page: until nothing fades in any more, since what does has less contrast meanwhile. */
const animationsEnd = () =>
  Promise.allSettled(
    document
      .getAnimations()
      .filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime))
      .map(({ finished }) => finished),
  );

/** What axe-core finds wrong with the page as it is now. */
export async function violations(page) {
  await page.evaluate(animationsEnd);
  // Playwright's own world is not bound by the page's policy.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document));
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
}

/** A server and a browser for the tests of one file, and what these tests have in common. */
export function site(settings = [], configuration = "", launch = {}) {
  const site = {
    server: undefined,
    /** What the newest page did that it must not do. */
    troubles: [],
    async newPage(options = {}) {
      const context = await browser.newContext({ locale: "en-GB", ...options });
      context.setDefaultTimeout(15_000);
      site.troubles = [];
      return watch(await context.newPage(), site.server.url, site.troubles);
    },
    async isFine(page) {
      for (const colorScheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await violations(page), []);
      }
      assert.deepEqual(site.troubles, []);
    },
    async signIn(page, email, password) {
      await page.goto(`${site.server.url}/sign-in`);
      await page.getByLabel("E-mail address").fill(email);
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
    },
    /** Invites somebody, and returns the link in their e-mail, which may not have been sent yet. */
    async invite(email) {
      return site.server.run("invite-administrator", email).trim().split("\n").at(-1);
    },
    /** An active user with the tests' password. */
    async addUser(email, names = {}) {
      const token = tokenOf(await site.invite(email));
      const accept = "mutation($i: AcceptInvitationInput!) { acceptInvitation(input: $i) { token userErrors { message } } }";
      const { acceptInvitation } = await graphql(site.server.url, null, accept, { i: { token, password: PASSWORD, ...names } });
      assert.deepEqual(acceptInvitation.userErrors, []);
      return acceptInvitation.token;
    },
  };
  let browser;
  before(async () => {
    site.server = await startServer(settings, configuration);
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"], ...launch });
  });
  after(async () => {
    await browser?.close();
    await site.server?.stop();
  });
  return site;
}

/** Keeps a picture where SCREENSHOTS names a folder. */
export async function picture(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`), fullPage: true });
  }
}
