// Drives the console in a headless Chromium, as a partner's developer and then as an administrator would use it.
// node console.cjs INSTALLED PICTURES, with what it needs as JSON on its standard input; says what it saw as JSON.

"use strict";

const { createRequire } = require("node:module");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const [installed, pictures] = process.argv.slice(2);
const load = createRequire(path.join(installed, "x.cjs"));
const puppeteer = load("puppeteer-core");
const axe = fs.readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");
const given = JSON.parse(fs.readFileSync(0, "utf8"));

const browserPath = () => {
  for (const name of ["chromium", "chromium-browser"]) {
    try {
      return execFileSync("sh", ["-c", `command -v ${name}`]).toString().trim();
    } catch {
      // The next one.
    }
  }
  throw new Error("chromium is not installed");
};

const seen = { problems: [], violations: [], pages: [], steps: [] };
const step = (name) => seen.steps.push(name);

// Whatever the browser complains about: refused by the policy, broken, not found.
const watch = (page) => {
  page.on("pageerror", (error) => seen.problems.push(`script: ${error.message}`));
  page.on("console", (message) => {
    // A form that is shown again says 422, which the browser mentions.
    const isRefusal = message.text().includes("status of 422");
    if (message.type() === "error" && !isRefusal) seen.problems.push(`${page.url()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    // The browser draws its own fields with pictures of its own.
    const isOurs = request.url().startsWith(`${given.url}/`) || request.url().startsWith("data:image/svg+xml");
    if (!isOurs) seen.problems.push(`fetched from elsewhere: ${request.url()}`);
  });
};

const submit = (page, selector) =>
  Promise.all([page.waitForNavigation(), page.locator(selector).click()]);
const textOf = (page, selector) => page.$eval(selector, (element) => element.textContent.trim());
const waitFor = (page, text) =>
  page.waitForFunction((wanted) => document.querySelector("main").textContent.includes(wanted), { timeout: 15000 }, text);

const signIn = async (page, key) => {
  await page.goto(`${given.url}/console`);
  await page.locator("#key").fill(key);
  await submit(page, "main button");
  await page.waitForSelector("nav [aria-current=page]");
};

// An action behind its explanation: opened, read, done.
const act = async (page, label) => {
  const details = await page.waitForSelector(`xpath/.//details[summary[normalize-space()="${label}"]]`);
  await (await details.$("summary")).click();
  const says = await details.$eval("form", (form) => form.textContent.trim());
  if (says.length < 40) throw new Error(`${label} does not say what it does`);
  await Promise.all([page.waitForNavigation(), (await details.$("form button")).click()]);
};

const story = async (page) => {
  await signIn(page, given.key);
  step("signed in");
  await page.goto(`${given.url}/console/webhooks`);
  await submit(page, 'a[href^="/console/webhooks/new"]');
  await page.locator("#url").fill("ftp://example.com");
  await page.locator("#events").fill("lead.created");
  await submit(page, "form.wide button");
  if (!(await page.$("#url-complaint"))) throw new Error("a bad address is not complained about in its place");
  await page.locator("#url").fill(given.receiver);
  await page.locator("#maxRetries").fill("0");
  await submit(page, "form.wide button");
  if (!(await textOf(page, "#secret")).startsWith("whsec_")) throw new Error("the secret is not shown");
  await page.locator("[data-copy]").click();
  await submit(page, "main a.button");
  step("made a webhook");
  const webhook = page.url();

  await act(page, "Send a test");
  await waitFor(page, "dead letter");
  await waitFor(page, "the receiver is out of order");
  const delivery = page.url();
  step("saw a delivery fail with its reason");
  await look(page, "delivery-failed", new URL(delivery).pathname);
  await look(page, "dead-letters-full", "/console/dead-letters?by=error");
  await look(page, "overview-failing", "/console");

  await page.goto(`${given.url}/console/dead-letters?by=error`);
  await waitFor(page, "500");
  await page.locator('tbody input[name="id"]').click();
  await page.locator("xpath/.//summary[contains(., 'Send the chosen ones again')]").click();
  await submit(page, "details[open] button");
  await waitFor(page, "is due now");
  await page.goto(delivery);
  await waitFor(page, "delivered");
  await waitFor(page, "accepted");
  step("sent it again and saw it succeed");

  await page.goto(`${given.url}/console/clients/${given.client}`);
  await page.locator("xpath/.//summary[normalize-space()='New key']").click();
  await page.locator("#name").fill("Night shift");
  await page.locator("#scopes").fill("webhooks:read");
  await submit(page, "details[open] button");
  const key = await textOf(page, "#secret");
  await submit(page, "main a.button");
  const row = await page.waitForSelector("xpath/.//tr[td='Night shift']");
  await (await row.$("summary")).click();
  await Promise.all([page.waitForNavigation(), (await row.$("form button")).click()]);
  await waitFor(page, "revoked");
  step("made a key and revoked it");

  await page.goto(webhook);
  await act(page, "Pause");
  await waitFor(page, "paused");
  await act(page, "Resume");
  await waitFor(page, "active");
  step("paused and resumed");
  return { key, webhook: new URL(webhook).pathname, delivery: new URL(delivery).pathname };
};

// Each page in both themes and on a phone: pictures, and the rules of accessibility.
const look = async (page, name, address) => {
  // The reference is longer than a picture may be.
  const fullPage = address.startsWith("/console");
  const started = Date.now();
  await page.goto(`${given.url}${address}`);
  const took = Date.now() - started;
  for (const theme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    if (pictures) await page.screenshot({ path: path.join(pictures, `${name}-${theme}.png`), fullPage });
    await page.evaluate(axe);
    // Another theme is other colours, and nothing else.
    const rules = theme === "dark" ? { runOnly: ["color-contrast"] } : {};
    const result = await page.evaluate((rules) => window.axe.run(document, rules), rules);
    for (const found of result.violations) {
      const where = found.nodes.map((node) => node.target.join(" ")).slice(0, 3);
      seen.violations.push({ page: name, theme, impact: found.impact, rule: found.id, where });
    }
  }
  await page.setViewport({ width: 390, height: 844 });
  const overflows = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  if (overflows) seen.problems.push(`${name} is wider than a phone`);
  if (pictures) await page.screenshot({ path: path.join(pictures, `${name}-phone.png`), fullPage });
  await page.setViewport({ width: 1280, height: 900 });
  seen.pages.push({ name, took });
};

const main = async () => {
  const browser = await puppeteer.launch({
    executablePath: browserPath(),
    headless: true,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(15000);
    await page.setViewport({ width: 1280, height: 900 });
    watch(page);
    await look(page, "sign-in", "/console/sign-in");
    const met = await story(page);
    const client = `/console/clients/${given.client}`;
    const ours = {
      overview: "/console",
      webhooks: "/console/webhooks",
      "webhook-new": "/console/webhooks/new",
      webhook: met.webhook,
      "webhook-edit": `${met.webhook}/edit`,
      events: "/console/events",
      "events-none": "/console/events?type=nothing.at.all",
      "dead-letters": "/console/dead-letters",
      "dead-letters-none": "/console/dead-letters?type=nothing.at.all",
      delivery: met.delivery,
      clients: "/console/clients",
      "client-new": "/console/clients/new",
      client,
      session: "/console/session",
    };
    for (const [name, address] of Object.entries(ours)) await look(page, name, address);
    await page.goto(`${given.url}${met.delivery}`);
    await submit(page, "xpath/.//a[normalize-space()='Its event']");
    await look(page, "event", new URL(page.url()).pathname);
    for (const [name, address] of Object.entries(given.open ?? {})) await look(page, name, address);

    await submit(page, "form[action='/console/sign-out'] button").catch(async () => {
      await page.goto(`${given.url}/console`);
      await submit(page, "form[action='/console/sign-out'] button");
    });
    await page.goto(`${given.url}${met.webhook}`);
    if (!page.url().includes("/sign-in")) throw new Error("a page is shown to nobody");
    step("signed out");

    await signIn(page, given.adminKey);
    const theirs = {
      "admin-overview": "/console",
      "admin-events": "/console/events",
      "admin-dead-letters": `/console/dead-letters?organization=${given.organization}`,
      "audit-log": "/console/audit-log",
    };
    for (const [name, address] of Object.entries(theirs)) await look(page, name, address);
    step("looked as an administrator");
  } finally {
    await browser.close();
  }
};

main()
  .catch((error) => seen.problems.push(`${seen.steps.at(-1) ?? "at the beginning"}: ${error.stack}`))
  .then(() => process.stdout.write(JSON.stringify(seen)));
