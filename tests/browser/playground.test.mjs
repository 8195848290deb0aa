// An administrator's jobs in the playground, on a server that has just been set up.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { PASSWORD, graphql, site } from "./support.mjs";

// A mail system that refuses everybody at refused.example for good, as long as the file `refuses` is
// there, and is otherwise out of order, so that the log has the e-mail.
const mailSystem = mkdtempSync(join(tmpdir(), "usher-sendmail-"));
const refuses = join(mailSystem, "refuses");
writeFileSync(refuses, "");
writeFileSync(
  join(mailSystem, "sendmail"),
  `#!/bin/sh\ncat >/dev/null\ncase "$*" in *@refused.example*) [ -e '${refuses}' ] && exit 67 ;; esac\nexit 78\n`,
  { mode: 0o755 },
);
after(() => rmSync(mailSystem, { recursive: true }));

const pages = site([
  "mail.transport=failover",
  'mail.failover.transports=["sendmail", "log"]',
  `mail.sendmail.path=${join(mailSystem, "sendmail")}`,
]);
const ADA = "ada@example.com";

async function open(path = "") {
  await (pages.ada ??= pages.addUser(ADA, { firstName: "Ada" }));
  const page = await pages.newPage({ viewport: { width: 1500, height: 900 } });
  await pages.signIn(page, ADA, PASSWORD);
  await page.getByRole("heading", { name: "Hello, Ada" }).waitFor();
  if (path === null) return page;
  await page.goto(`${pages.server.url}/playground${path}`);
  await page.getByText("Signed in as Ada").waitFor();
  await page.locator(".graphiql-query-editor .monaco-editor").first().waitFor();
  return page;
}

const choose = (page, name) => page.getByRole("tab", { name: new RegExp(name) }).first().click();
const execute = (page) => page.getByRole("button", { name: /execute query/i }).click();
const answers = (page, text) => page.locator(".graphiql-response", { hasText: text }).waitFor();
const variables = (page, text) => page.locator(".graphiql-editor-tool", { hasText: text }).waitFor();

test("an invitation grants no role until there is the one that it names", async () => {
  const page = await open();
  await choose(page, "InviteColleague");
  await variables(page, "sam.rivera@example.com");
  await execute(page);
  await answers(page, "userErrors");
  const usher = (query) => pages.ada.then((token) => graphql(pages.server.url, token, query));
  assert.equal((await usher('{ users(filter: { search: "sam.rivera" }) { totalCount } }')).users.totalCount, 0);

  await choose(page, "CreateRole");
  await variables(page, "Support Desk");
  await execute(page);
  await answers(page, "SupportDesk");
  await choose(page, "InviteColleague");
  await variables(page, "SupportDesk");
  await execute(page);
  await answers(page, "INVITED");
  const [sam] = (await usher('{ users(filter: { search: "sam.rivera" }) { nodes { roles { name } } } }')).users.nodes;
  assert.deepEqual(sam.roles, [{ name: "Support Desk" }]);

  await choose(page, "ReadInvitation");
  await variables(page, "invitation");
  await execute(page);
  await answers(page, "You have been invited");
});

test("what has failed is sent again", async () => {
  const page = await open();
  const usher = (query) => pages.ada.then((token) => graphql(pages.server.url, token, query));
  const status = async () => (await usher('{ emails(filter: { to: "refused.example" }) { nodes { status } } }')).emails.nodes[0].status;
  const becomes = async (expected) => {
    const end = Date.now() + 15_000;
    while ((await status()) !== expected) assert.ok(Date.now() < end, `it is ${await status()}, not ${expected}`);
  };
  await usher('mutation { sendTestEmail(input: { to: "sam@refused.example" }) { userErrors { message } } }');
  await becomes("FAILED");
  rmSync(refuses);
  await choose(page, "RetryFailedMail");
  await variables(page, "FAILED");
  await execute(page);
  await answers(page, '"count": 1');
  await becomes("SENT");
  // There is nothing left to do.
  await execute(page);
  await answers(page, '"count": 0');
});

test("the address of an application opens its job", async () => {
  const page = await open(null);
  const jobs = { users: "FindUsers", roles: "ListRoles", "email-queue": "ReadQueue", "event-log": "ReadEvents" };
  const tabs = [];
  for (const [application, job] of Object.entries(jobs)) {
    await page.goto(`${pages.server.url}/`);
    await page.goto(`${pages.server.url}/playground#${application}`);
    await page.getByRole("tab", { name: new RegExp(job), selected: true }).waitFor();
    await execute(page);
    await answers(page, '"data"');
    // GraphiQL keeps its tabs a moment after they have changed.
    await page.waitForFunction(
      (name) => JSON.parse(localStorage["graphiql:tabState"]).tabs.some((tab) => tab.query?.includes(name)),
      job,
    );
    tabs.push(await page.getByRole("tab").count());
  }
  // A tab that is open already is gone back to.
  await page.goto(`${pages.server.url}/playground#roles`);
  await page.getByRole("tab", { name: /ListRoles/, selected: true }).waitFor();
  assert.equal(await page.getByRole("tab").count(), tabs.at(-1));
  await page.goto(`${pages.server.url}/playground#nothing`);
  await page.getByRole("tab", { name: /ListRoles/, selected: true }).waitFor();
});

test("a live view comes back when the server does", async () => {
  const page = await open();
  await choose(page, "WatchQueue");
  const subscribed = () =>
    page.waitForEvent("websocket", {
      predicate: (socket) => socket.waitForEvent("framesent", ({ payload }) => payload.includes("emailChanged")).then(() => true, () => false),
    });
  let live = subscribed();
  await execute(page);
  await live;
  await pages.invite("before@example.com");
  await answers(page, "before@example.com");

  live = subscribed();
  await pages.server.crash();
  await live;
  await pages.invite("after@example.com");
  await answers(page, "after@example.com");
});
