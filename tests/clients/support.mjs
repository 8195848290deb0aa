// A demo server for the tests, and what every client does with it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

/** The demo's administrator. */
export const ACCOUNT = { email: "admin@example.com", password: "walrus-teapot-93-orbit" };

export const SIGN_IN = `mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { token userErrors { code field message } }
}`;
export const SIGN_OUT = `mutation SignOut { signOut { userErrors { code } } }`;
export const EMAILS = `query Emails($filter: EmailFilter, $first: Int!) {
  emails(filter: $filter, first: $first) { totalCount nodes { id to } }
}`;
export const SEND = `mutation Send($input: SendTestEmailInput!) {
  sendTestEmail(input: $input) { email { id } userErrors { code } }
}`;
export const WATCH = `subscription Watch($filter: EmailFilter) {
  emailChanged(filter: $filter) { email { id to status } }
}`;

/** The promise, or an error once it has taken too long. */
export function within(promise, what, milliseconds = 20_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`too late: ${what}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Starts the built binary with sample data, at a free port unless the settings name one. */
export async function startServer(settings = []) {
  const folder = mkdtempSync(join(tmpdir(), "usher-clients-"));
  const all = ["server.bind=127.0.0.1:0", ...settings].flatMap((setting) => ["--set", setting]);
  const child = spawn(process.env.USHER, ["demo", ...all], { cwd: folder });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  let output = "";
  const address = new Promise((resolve, reject) => {
    const read = (data) => {
      output += data;
      const match = output.match(/Listening +(\S+)/);
      if (match) resolve(match[1]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    exited.then(() => reject(new Error(`the server has ended:\n${output}`)));
  });
  const url = `http://${await within(address, "the server's start", 60_000)}/graphql`;
  return {
    url,
    webSocketUrl: url.replace("http", "ws"),
    /** Asks the server to stop, and waits until it has. */
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends an operation with nothing but fetch. */
export async function send(url, query, variables, { token, ...headers } = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }), ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

export async function signIn(url) {
  const { data } = await send(url, SIGN_IN, { input: ACCOUNT });
  return data.signIn.token;
}

/**
 * Declares the tests of one client. `connect(server, token)`, whose `token()` is the token that
 * counts now, returns
 * - `execute(document, variables)`: resolves to `{ data, errors }`, where an error has `extensions`;
 * - `subscribe(document, variables, listener)`, where it `subscribes`: calls the listener with
 *   `{ data, errors }`, and returns a function that ends it;
 * - `close()`, if there is something to close.
 */
export function speaks(name, connect, { subscribes = true } = {}) {
  let server, client, token;
  before(async () => {
    server = await startServer();
    client = await connect(server, () => token);
  });
  after(async () => {
    await client?.close?.();
    await server?.stop();
  });
  const code = ({ errors }) => errors?.[0]?.extensions?.code;

  test(`${name}: a mutation signs in, and its mistakes are user errors`, async () => {
    const wrong = await client.execute(SIGN_IN, { input: { ...ACCOUNT, password: "wrong" } });
    assert.equal(wrong.errors, undefined);
    assert.equal(wrong.data.signIn.userErrors[0].code, "INVALID_CREDENTIALS");
    const { data } = await client.execute(SIGN_IN, { input: ACCOUNT });
    token = data.signIn.token;
    assert.match(token, /^[\w-]{43}$/);
  });

  test(`${name}: a query has variables`, async () => {
    const { data } = await client.execute(EMAILS, { filter: { to: "nobody-at-all" }, first: 3 });
    assert.equal(data.emails.totalCount, 0);
    assert.deepEqual([...data.emails.nodes], []);
  });

  test(`${name}: errors keep their code and say what to do`, async () => {
    const missing = await client.execute(EMAILS, { filter: null });
    assert.equal(code(missing), "BAD_REQUEST");
    assert.match(missing.errors[0].message, /\$first .*`variables`/);
    const unknown = await client.execute("query Unknown { emailz { id } }", {});
    assert.equal(code(unknown), "BAD_REQUEST");
  });

  if (subscribes) test(`${name}: a subscription tells of an e-mail`, async () => {
    const to = `${name.replaceAll(/\W+/g, "-")}@example.com`.toLowerCase();
    let stop;
    const sent = new Promise((resolve, reject) => {
      stop = client.subscribe(WATCH, { filter: { to } }, (answer) => {
        if (answer.errors) return reject(new Error(JSON.stringify(answer.errors)));
        assert.deepEqual([...answer.data.emailChanged.email.to], [to]);
        if (answer.data.emailChanged.email.status === "SENT") resolve();
      });
    });
    // Whoever subscribes is not told when that has happened: e-mails are sent until one is seen.
    let seen = false;
    const sending = (async () => {
      while (!seen) {
        await client.execute(SEND, { input: { to } });
        await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, 300))]);
      }
    })();
    try {
      await within(sent, "an e-mail that is sent");
    } finally {
      seen = true;
      await sending;
      stop();
    }
  });

  test(`${name}: a session that has ended is begun anew with another token`, async () => {
    await client.execute(SIGN_OUT, {});
    const variables = { filter: { to: "again" }, first: 1 };
    assert.equal(code(await client.execute(EMAILS, variables)), "UNAUTHENTICATED");
    token = await signIn(server.url);
    const { data, errors } = await client.execute(EMAILS, variables);
    assert.equal(errors, undefined);
    assert.equal(data.emails.totalCount, 0);
  });
}
