// What becomes of subscriptions when the server stops, or is killed, and another takes its place: the
// clients of both protocols connect again by themselves, and go on.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { createClient as createEventClient } from "graphql-sse";
import { createClient as createWebSocketClient } from "graphql-ws";
import WebSocket from "ws";

const PASSWORD = "walrus-teapot-93-orbit";
const WATCH = "subscription { emailChanged { email { to status } } }";

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The promise, or an error once it has taken too long. */
function within(promise, what, milliseconds = 30_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`too late: ${what}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** One server after another, on the same port and database. */
class Servers {
  async init() {
    this.folder = mkdtempSync(join(tmpdir(), "usher-restart-"));
    writeFileSync(join(this.folder, "usher.toml"), '[mail]\ntransport = "log"\n');
    this.port = await freePort();
    this.url = `http://127.0.0.1:${this.port}/graphql`;
    const output = await this.start();
    const link = await within(output(/accept-invitation#?\/?\??[^\s]*token=([\w-]{43})/), "the first invitation");
    const { data } = await this.send(
      `mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { token } }`,
      { input: { token: link[1], password: PASSWORD } },
    );
    this.token = data.acceptInvitation.token;
  }

  /** Resolves once it listens, to a function that waits for what matches in its output. */
  async start() {
    const arguments_ = ["--set", `server.bind=127.0.0.1:${this.port}`, "--set", "server.drain=0s"];
    this.child = spawn(process.env.USHER, arguments_, { cwd: this.folder });
    this.exited = new Promise((resolve) => this.child.once("exit", resolve));
    let text = "";
    const waiting = new Set();
    const read = (data) => {
      text += data;
      for (const look of waiting) look();
    };
    this.child.stdout.on("data", read);
    this.child.stderr.on("data", read);
    const output = (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          const match = text.match(pattern);
          if (!match) return;
          waiting.delete(look);
          resolve(match);
        };
        waiting.add(look);
        look();
      });
    await within(output(/Listening/), `the server's start:\n${text}`);
    return output;
  }

  async end(signal) {
    this.child.kill(signal);
    await within(this.exited, `the end by ${signal}`);
  }

  async send(query, variables) {
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "content-type": "application/json", ...(this.token && { authorization: `Bearer ${this.token}` }) },
      body: JSON.stringify({ query, variables }),
    });
    return response.json();
  }

  /** Sends e-mails to an address until the watcher has seen one. */
  async isSeenBy(watcher, to) {
    const seen = async () => {
      while (!watcher.seen.has(to)) {
        assert.equal(watcher.ended, undefined);
        const input = { to };
        await this.send(`mutation($input: SendTestEmailInput!) { sendTestEmail(input: $input) { email { id } } }`, { input });
        await sleep(200);
      }
    };
    await within(seen(), `an e-mail to ${to}`);
  }
}

/** Watches with a client as an application would, and remembers what it is told. */
function watch(client) {
  const watcher = { seen: new Set(), ended: undefined };
  client.subscribe(
    { query: WATCH },
    {
      next: ({ data, errors }) => {
        if (errors) watcher.ended = JSON.stringify(errors);
        else for (const to of data.emailChanged.email.to) watcher.seen.add(to);
      },
      error: (error) => (watcher.ended = `error: ${error?.reason ?? error?.message ?? error}`),
      complete: () => (watcher.ended = "complete"),
    },
  );
  return watcher;
}

const servers = new Servers();
before(() => servers.init());
after(async () => {
  await servers.end("SIGTERM");
  rmSync(servers.folder, { recursive: true, force: true });
});

const CLIENTS = {
  "graphql-ws": () =>
    createWebSocketClient({
      url: servers.url.replace("http", "ws"),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${servers.token}` },
      // By default it gives up when nobody listens for a moment.
      shouldRetry: () => true,
      // How long clients wait before they try again is up to them.
      retryWait: () => sleep(100),
      retryAttempts: 100,
    }),
  "graphql-sse": () =>
    createEventClient({
      url: servers.url,
      headers: { authorization: `Bearer ${servers.token}` },
      retry: () => sleep(100),
      retryAttempts: 100,
    }),
};

for (const [name, connect] of Object.entries(CLIENTS)) {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    test(`${name}: a subscription goes on after ${signal}`, async () => {
      const client = connect();
      const watcher = watch(client);
      await servers.isSeenBy(watcher, `before-${name}-${signal}@example.com`.toLowerCase());
      await servers.end(signal);
      await sleep(300);
      await servers.start();
      await servers.isSeenBy(watcher, `after-${name}-${signal}@example.com`.toLowerCase());
      client.dispose();
    });
  }
}

test("graphql-ws: the end of the session closes the WebSocket, which says what to do", async () => {
  const { data } = await servers.send("query { viewer { id } }");
  assert.ok(data.viewer);
  const client = createWebSocketClient({
    url: servers.url.replace("http", "ws"),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${servers.token}` },
    shouldRetry: () => true,
    retryAttempts: 100,
    lazy: false,
    onNonLazyError: () => {},
  });
  const closed = new Promise((resolve) => client.on("closed", resolve));
  await within(new Promise((resolve) => client.on("connected", resolve)), "the connection");
  await servers.send("mutation { signOut { userErrors { code } } }");
  const { code, reason } = await within(closed, "the end");
  assert.equal(code, 4401);
  assert.match(reason, /sign in, and connect again/);
  client.dispose();
});
