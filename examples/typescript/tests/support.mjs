// A demo server of the built binary, the built front end in front of it, and a browser. Whatever is
// waited for has an end.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { after, before } from "node:test";

import { chromium } from "playwright-core";

/** What `usher demo` prints. */
export const ADMINISTRATOR = { email: "admin@example.com", password: "walrus-teapot-93-orbit" };

const PATIENCE = 20_000;

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a program, waits until it has printed the text, and returns how to end it. */
async function start(text, command, parameters, environment = {}) {
  const child = spawn(command, parameters, { env: { ...process.env, ...environment } });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let said = "";
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${command} did not print ${text}:\n${said}`)), PATIENCE);
    ended.then(() => reject(new Error(`${command} has ended:\n${said}`)));
    child.once("error", reject);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        said += data;
        if (!said.includes(text)) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
  return async () => {
    child.kill();
    await ended;
  };
}

/** Sends a document as a program would, and returns its data. */
export async function send(server, query, variables, token) {
  const response = await fetch(`${server}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(PATIENCE),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** The addresses of server and front end, and pages in browsers that nobody has used before. */
export function frontEnd() {
  const site = {
    server: "",
    url: "",
    newContext: async () => {
      const context = await browser.newContext({ locale: "en-GB" });
      context.setDefaultTimeout(PATIENCE);
      return context;
    },
    signIn: async (page, { email, password }) => {
      await page.getByLabel("E-mail address").fill(email);
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
    },
    /** A page on which somebody is signed in, in a browser of its own unless one is given. */
    signedIn: async (credentials, context) => {
      const page = await (context ?? (await site.newContext())).newPage();
      await page.goto(site.url);
      await site.signIn(page, credentials);
      await page.getByRole("heading", { name: "Applications" }).waitFor();
      return page;
    },
  };
  let browser;
  const started = [];
  before(async () => {
    const [serverPort, port] = [await freePort(), await freePort()];
    site.server = `http://127.0.0.1:${serverPort}`;
    site.url = `http://127.0.0.1:${port}`;
    const settings = [`server.bind=127.0.0.1:${serverPort}`, `server.allowed_origins=["${site.url}"]`];
    const demo = ["demo", ...settings.flatMap((setting) => ["--set", setting])];
    started.push(await start("Press Ctrl-C", process.env.USHER ?? "usher", demo));
    const preview = ["preview", "--port", String(port), "--strictPort"];
    started.push(await start(String(port), "node_modules/.bin/vite", preview, { USHER_URL: site.server, NO_COLOR: "1" }));
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  });
  after(async () => {
    await browser?.close();
    for (const stop of started.reverse()) await stop();
  });
  return site;
}
