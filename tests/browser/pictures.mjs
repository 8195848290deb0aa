// Makes the pictures of the console that README shows: each page, light, dark and on a phone, of the demo's people.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "./support.mjs";

const folder = process.argv[2];
const PORT = 8790;
const url = `http://127.0.0.1:${PORT}`;
const PHONE = { viewport: { width: 390, height: 844 } };
const DESKTOP = { viewport: { width: 1200, height: 800 } };

/** Name, path, and what is clicked there: a page of one thing is opened from its list. */
const PAGES = [
  ["users", "console/users"],
  ["user", "console/users?search=laura", "Laura Miller"],
  ["new-user", "console/users/new"],
  ["roles", "console/roles"],
  ["role", "console/roles", "Auditor"],
  ["email-queue", "console/email-queue"],
  ["email", "console/email-queue?state=FAILED", /invited to join/],
  ["event-log", "console/event-log"],
];

async function take(page, [name, path, opened], look) {
  await page.goto(`${url}/${path}`);
  await page.locator("h1").waitFor();
  if (opened) await page.locator("table").getByRole("link", { name: opened }).first().click();
  await page.waitForLoadState("networkidle");
  await page.screenshot({ path: join(folder, `console-${name}-${look}.png`) });
  console.log(`console-${name}-${look}.png`);
}

const home = mkdtempSync(join(tmpdir(), "usher-pictures-"));
const settings = [`server.bind=127.0.0.1:${PORT}`, `server.public_url=${url}`, "branding.name=K Bank"];
const server = spawn(process.env.USHER, ["demo", ...settings.flatMap((setting) => ["--set", setting])], { cwd: home });
let browser;
try {
  await new Promise((resolve, reject) => {
    server.stdout.on("data", (data) => String(data).includes("Sign in as") && resolve());
    server.once("exit", () => reject(new Error("the server has ended")));
  });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  for (const [look, options] of Object.entries({
    light: { ...DESKTOP, colorScheme: "light" },
    dark: { ...DESKTOP, colorScheme: "dark" },
    phone: { ...PHONE, colorScheme: "dark" },
  })) {
    const page = await (await browser.newContext({ locale: "en-GB", ...options })).newPage();
    await page.goto(`${url}/sign-in?next=console/users`);
    await page.getByLabel("E-mail address").fill("admin@example.com");
    await page.getByLabel("Password", { exact: true }).fill("walrus-teapot-93-orbit");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("**/console/users");
    for (const shown of PAGES) await take(page, shown, look);
  }
} finally {
  await browser?.close();
  server.kill();
  rmSync(home, { recursive: true, force: true });
}
