// What the scripts of the console's areas have in common. Each is one file beside this one:
//
//   const { story } = require("./common.cjs");
//   story(async (kit) => { … });
//
// and is run as node AREA.cjs INSTALLED [PICTURES], with what it is given as JSON on its standard input. It says what it
// saw as JSON: every problem and every violation of accessibility fails the test, as does whatever a script throws.

"use strict";

const { createRequire } = require("node:module");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");

const [script, installed, pictures] = process.argv.slice(1);
const area = path.basename(script, ".cjs");
const load = createRequire(path.join(installed, "x.cjs"));
const puppeteer = load("puppeteer-core");
const axe = fs.readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");

const DESK = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 780 };
const PATIENCE = 15_000;

const seen = { area, problems: [], violations: [], pages: [], steps: [] };

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

// Whatever the browser complains about: refused by the policy, broken, not found, fetched from elsewhere.
const watch = (page, given, expected) => {
  page.on("pageerror", (error) => seen.problems.push(`script: ${error.message}`));
  page.on("console", (message) => {
    // The browser mentions the status of a page that is shown with one, such as a form that is shown again.
    const isExpected = [422, ...expected].some((status) => message.text().includes(`status of ${status}`));
    if (message.type() === "error" && !isExpected) seen.problems.push(`${page.url()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    // The browser draws its own fields with pictures of its own.
    const isOurs = request.url().startsWith(`${given.url}/`) || request.url().startsWith("data:image/svg+xml");
    if (!isOurs) seen.problems.push(`fetched from elsewhere: ${request.url()}`);
  });
};

// A server that keeps what it is sent: `received` has headers and bodies. Answers 200 once `replies` are used up.
const receiver = async (replies = []) => {
  const received = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      const [status, text] = replies.shift() ?? [200, "ok"];
      response.writeHead(status, { "content-type": "text/plain" }).end(text);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/hooks`, received, close: () => server.close() };
};

const kitOf = (given, page, expected) => {
  // Calls an operation of the public APIs; its JSON. Anything but a 2xx is thrown.
  const api = async (method, address, body, key = given.adminKey, headers = {}) => {
    const response = await fetch(`${given.url}${address}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${address}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  };

  // An organisation of its own with a client and a platform key, whose limits are out of the way.
  const tenant = async (about = {}) => {
    const name = `browser-${area}-${Math.random().toString(36).slice(2, 8)}`;
    const client = await api("POST", "/api/v1/api-clients", {
      name, contactEmail: "dev@example.com", redirectUris: [], rateLimitTier: "enterprise", ...about,
    });
    const key = await api("POST", "/api/v1/api-keys", { clientId: client.id, name: "Developer", rateLimitOverride: 10_000 });
    return { client: client.id, organization: client.organizationId, key: key.key };
  };

  const submit = (selector) => Promise.all([page.waitForNavigation(), page.locator(selector).click()]);
  const textOf = (selector) => page.$eval(selector, (element) => element.textContent.trim());
  const waitFor = (text) =>
    page
      .waitForFunction((wanted) => document.querySelector("main").textContent.includes(wanted), {}, text)
      .catch(() => { throw new Error(`"${text}" does not appear at ${page.url()}`); });
  const go = (address) => page.goto(`${given.url}${address}`);
  // Asks until it is so.
  const eventually = async (what, probe) => {
    const end = Date.now() + PATIENCE;
    while (Date.now() < end) {
      const found = await probe();
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${what}: not within ${PATIENCE / 1000} s`);
  };

  const signIn = async (key) => {
    await go("/console/sign-in");
    await page.locator("#key").fill(key);
    await submit("main button");
    await page.waitForSelector("nav [aria-current=page]");
  };
  const signOut = () => submit("form[action='/console/sign-out'] button");

  // An action behind its explanation: opened, read, filled in, done. `scope` is where it is looked for.
  const act = async (label, fill = {}, scope = page) => {
    const details = await scope.waitForSelector(`xpath/.//details[summary[normalize-space()="${label}"]]`);
    await (await details.$("summary")).click();
    const says = await details.$eval("form", (form) => form.textContent.trim());
    if (says.length < 40) throw new Error(`${label} does not say what it does`);
    for (const [name, value] of Object.entries(fill)) {
      const field = await details.$(`[name="${name}"]`);
      await field.evaluate((element, value) => { element.value = value; }, value);
    }
    await Promise.all([page.waitForNavigation(), (await details.$("form button:not([type=button])")).click()]);
  };

  // The status of an address for whoever is signed in, without showing it.
  const status = async (address, options = {}) => {
    const cookie = (await page.cookies(`${given.url}/console`)).map(({ name, value }) => `${name}=${value}`).join("; ");
    const response = await fetch(`${given.url}${address}`, { redirect: "manual", ...options, headers: { cookie, ...options.headers } });
    return response.status;
  };
  const expectMissing = async (...addresses) => {
    for (const address of addresses) {
      const got = await status(address);
      if (got !== 404) seen.problems.push(`${address} of another organisation is answered with ${got}`);
    }
  };

  // A page in both themes and on a phone: pictures, and the rules of accessibility. Without an address: where the
  // browser is. `because` is the status of a page that is shown with one.
  const look = async (name, address, { because, fullPage = true } = {}) => {
    if (because) expected.push(because);
    const started = Date.now();
    if (address) await go(address);
    const took = address ? Date.now() - started : null;
    const shoot = async (theme) => {
      if (pictures) await page.screenshot({ path: path.join(pictures, `${area}-${name}-${theme}.png`), fullPage });
    };
    for (const theme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
      await shoot(theme);
      await page.evaluate(axe);
      // Another theme is other colours, and nothing else.
      const rules = theme === "dark" ? { runOnly: ["color-contrast"] } : {};
      const result = await page.evaluate((rules) => window.axe.run(document, rules), rules);
      for (const found of result.violations) {
        const where = found.nodes.map((node) => node.target.join(" ")).slice(0, 3);
        seen.violations.push({ page: name, theme, impact: found.impact, rule: found.id, where });
      }
    }
    await page.setViewport(PHONE);
    const overflows = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    if (overflows) seen.problems.push(`${name} is wider than a phone`);
    await shoot("phone");
    await page.setViewport(DESK);
    await page.emulateMediaFeatures([]);
    seen.pages.push({ name, took });
  };

  const step = (name) => seen.steps.push(name);
  return {
    given, page, api, tenant, receiver, go, submit, textOf, waitFor, eventually, signIn, signOut, act, status,
    expectMissing, look, step,
  };
};

exports.story = (tell) => {
  const run = async () => {
    const given = JSON.parse(fs.readFileSync(0, "utf8"));
    const browser = await puppeteer.launch({
      executablePath: browserPath(),
      headless: true,
      args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    });
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(PATIENCE);
      await page.setViewport(DESK);
      const expected = [];
      watch(page, given, expected);
      await tell(kitOf(given, page, expected));
    } finally {
      await browser.close();
    }
  };
  const started = Date.now();
  run()
    .catch((error) => seen.problems.push(`after "${seen.steps.at(-1) ?? "the beginning"}": ${error.stack}`))
    .then(() => {
      seen.seconds = Math.round((Date.now() - started) / 100) / 10;
      // A receiver may still listen.
      process.stdout.write(JSON.stringify(seen), () => process.exit(0));
    });
};
