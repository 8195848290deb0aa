// Measures how soon the console shows what was asked for, with 10,000 people and as many e-mails: from the click
// until it is painted, in milliseconds.
import { PASSWORD, chromium, graphql, startServer, tokenOf } from "./support.mjs";

const PEOPLE = 10_000;
const AT_ONCE = 500;
const ROUNDS = 15;
const ADA = "ada@kbank.com";

/** In the page: presses, or types, and says how long it takes until a selector matches with that text, and nothing loads. */
const timeUntil = ({ press, type, text, selector, contains = "" }) =>
  new Promise((resolve, reject) => {
    const start = performance.now();
    const isThere = () =>
      !document.querySelector(".loading, [aria-busy=true]") &&
      [...document.querySelectorAll(selector)].some((element) => element.textContent.includes(contains));
    const look = () => {
      if (performance.now() - start > 20_000) reject(new Error(`never seen: ${selector} ${contains}`));
      // What is there in one frame is painted by the next.
      else if (isThere()) requestAnimationFrame(() => resolve(performance.now() - start));
      else requestAnimationFrame(look);
    };
    if (press) [...document.querySelectorAll(press)].at(-1).click();
    if (type) {
      const input = document.querySelector(type);
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, text);
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    look();
  });

const ROW_50 = "tbody tr:nth-child(50)";
const nav = (path) => `nav a[href$="/console/${path}"]`;

/** What is measured: where one is, and what is done there. */
const MEASURED = [
  ["Users, 50 of 10,000", "roles", { press: nav("users"), selector: ROW_50 }],
  ["The next 50", "users", { press: ".pager button", selector: "tbody tr", contains: "Person 00060" }],
  ["A search, with its pause while one types", "users", { type: "input[type=search]", text: "person09999@", selector: "main", contains: "1 person" }],
  ["One person", "users?search=person09999", { press: "tbody a", selector: "h1", contains: "Person 09999" }],
  ["E-mail queue, 50 of 10,000", "roles", { press: nav("email-queue"), selector: ROW_50 }],
  ["Event log, 50 of 20,000", "roles", { press: nav("event-log"), selector: ROW_50 }],
];

const server = await startServer();
let browser;
try {
  const token = tokenOf(server.run("invite-administrator", ADA).trim().split("\n").at(-1));
  const accept = "mutation($i: AcceptInvitationInput!) { acceptInvitation(input: $i) { token } }";
  const { acceptInvitation } = await graphql(server.url, null, accept, { i: { token, password: PASSWORD } });
  const role = `mutation { createRole(input: { name: "Reader", permissions: [] }) { role { id } } }`;
  await graphql(server.url, acceptInvitation.token, role);
  const invite = "mutation($i: InviteUsersInput!) { inviteUsers(input: $i) { results { outcome } } }";
  for (let first = 0; first < PEOPLE; first += AT_ONCE) {
    const invitations = Array.from({ length: AT_ONCE }, (_, index) => {
      const number = String(first + index).padStart(5, "0");
      return { email: `person${number}@kbank.com`, firstName: "Person", lastName: number, roleCodeNames: ["Reader"] };
    });
    await graphql(server.url, acceptInvitation.token, invite, { i: { invitations } });
  }

  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  const page = await browser.newPage();
  await page.goto(`${server.url}/sign-in?next=console/users`);
  await page.getByLabel("E-mail address").fill(ADA);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/console/users");
  for (const [name, path, asked] of MEASURED) {
    const times = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await page.goto(`${server.url}/console/${path}`);
      await page.locator("tbody tr").first().waitFor();
      times.push(await page.evaluate(timeUntil, asked));
    }
    times.sort((one, other) => one - other);
    const [half, most] = [times[ROUNDS >> 1], times.at(-1)].map(Math.round);
    console.log(`${name}: ${half} ms, at most ${most} ms`);
  }
} finally {
  await browser?.close();
  await server.stop();
}
