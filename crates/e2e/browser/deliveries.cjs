// A partner's developer makes a webhook, sees a delivery fail and why, sends it again and sees it arrive; makes a key and
// revokes it. Then an administrator looks at the same, and somebody else at none of it.

"use strict";

const { story } = require("./common.cjs");

story(async (kit) => {
  const { page, step, look, go, submit, textOf, waitFor, act } = kit;
  const [ours, others] = [await kit.tenant(), await kit.tenant()];
  const receiver = await kit.receiver([[500, "the receiver is out of order"]]);

  await look("sign-in", "/console/sign-in");
  await kit.signIn(ours.key);
  step("signed in");
  await look("overview-empty", "/console");
  await look("events-empty", "/console/events");
  await look("dead-letters-empty", "/console/dead-letters");
  await look("webhooks-empty", "/console/webhooks");

  await go("/console/webhooks");
  await submit('a[href^="/console/webhooks/new"]');
  await page.locator("#url").fill("ftp://example.com");
  await page.locator("#events").fill("lead.created");
  await submit("form.wide button");
  if (!(await page.$("#url-complaint"))) throw new Error("a bad address is not complained about in its place");
  await look("webhook-new-refused");
  await page.locator("#url").fill(receiver.url);
  await page.locator("#maxRetries").fill("0");
  await submit("form.wide button");
  if (!(await textOf("#secret")).startsWith("whsec_")) throw new Error("the secret is not shown");
  await look("webhook-made");
  await page.locator("[data-copy]").click();
  await submit("main a.button");
  const webhook = new URL(page.url()).pathname;
  step("made a webhook");

  await act("Send a test");
  await waitFor("dead letter");
  await waitFor("the receiver is out of order");
  const delivery = new URL(page.url()).pathname;
  step("saw a delivery fail with its reason");
  await look("delivery-failed", delivery);
  await look("dead-letters", "/console/dead-letters?by=error");
  await look("overview-failing", "/console");

  await go("/console/dead-letters?by=error");
  await waitFor("500");
  await page.locator('tbody input[name="id"]').click();
  await page.locator("xpath/.//summary[contains(., 'Send the chosen ones again')]").click();
  await submit("details[open] button");
  await waitFor("is due now");
  await go(delivery);
  await waitFor("delivered");
  await waitFor("accepted");
  const ids = receiver.received.map((one) => one.headers["webhook-id"]);
  if (ids.length !== 2 || ids[0] !== ids[1]) throw new Error(`the second try is not the same delivery: ${ids}`);
  step("sent it again and saw it succeed");
  await look("delivery", delivery);
  await submit("xpath/.//a[normalize-space()='Its event']");
  const event = new URL(page.url()).pathname;
  await look("event", event);

  const client = `/console/clients/${ours.client}`;
  await go(client);
  await page.locator("xpath/.//summary[normalize-space()='New key']").click();
  await page.locator("#name").fill("Night shift");
  await page.locator("#scopes").fill("webhooks:read");
  await submit("details[open] button");
  await look("key-made");
  await submit("main a.button");
  const row = await page.waitForSelector("xpath/.//tr[td='Night shift']");
  await act("Revoke", {}, row);
  await waitFor("revoked");
  step("made a key and revoked it");

  await look("client-empty", client);
  for (const [family, label, secret] of [["service-credentials", "New service credential", 43], ["oauth-credentials", "New OAuth credential", 20]]) {
    await go(client);
    await submit(`xpath/.//a[normalize-space()="${label}"]`);
    await page.locator("#name").fill("Nightly sync");
    await page.locator("#scopes").fill("nonsense");
    await submit("form.wide button");
    if (!(await page.$("#scopes-complaint"))) throw new Error("a bad scope is not complained about in its place");
    await look(`${family}-refused`);
    const slug = (await kit.api("GET", `/api/v1/organizations/${ours.organization}`)).slug;
    await page.locator("#scopes").fill(family === "service-credentials" ? `${slug}:leads:write` : "lex:leads:write");
    await submit("form.wide button");
    if ((await textOf("#secret")).length < secret) throw new Error("the secret is not shown");
    await look(`${family}-made`);
    await submit("main a.button");
    const first = await page.waitForSelector(`xpath/.//h2[.="${label.slice(4)[0].toUpperCase()}${label.slice(5)}s"]/following::tr[td="Nightly sync"][1]`);
    await act("Rotate", { overlap: "0" }, first);
    if ((await textOf("#secret")).length < secret) throw new Error("the new secret is not shown");
    await submit("main a.button");
    const again = await page.waitForSelector(`xpath/.//h2[.="${label.slice(4)[0].toUpperCase()}${label.slice(5)}s"]/following::tr[td="Nightly sync"][1]`);
    await act("Revoke", {}, again);
  }
  step("made, rotated and revoked credentials of both kinds");

  // A page that is open says by itself what happens.
  await go("/console");
  await kit.api("POST", `/api/v1/api-clients/${ours.client}/webhooks/${webhook.split("/").at(-1)}/test`, undefined, ours.key);
  await waitFor("2 deliveries in the last minute");
  step("the overview is brought up to date by itself");
  const rows = await page.evaluate(async () => (await fetch("/console/events?export=csv")).text());
  if (!rows.startsWith('"id","type"') || rows.trim().split("\r\n").length !== 3) throw new Error(`the file is ${rows}`);
  step("has a list as a file");

  await go(webhook);
  await act("Pause");
  await waitFor("paused");
  await act("Resume");
  await waitFor("active");
  step("paused and resumed");

  const pages = {
    overview: "/console",
    webhooks: "/console/webhooks",
    "webhook-new": "/console/webhooks/new",
    webhook,
    "webhook-edit": `${webhook}/edit`,
    events: "/console/events",
    "dead-letters-none": "/console/dead-letters?type=nothing.at.all",
    clients: "/console/clients",
    "client-new": "/console/clients/new",
    client,
    session: "/console/session",
  };
  for (const [name, address] of Object.entries(pages)) await look(name, address);
  for (const [name, address] of [["docs", "/docs"], ["docs-partner", "/docs/partner"]]) {
    // The reference is longer than a picture may be.
    await look(name, address, { fullPage: false });
  }
  await kit.go("/console");
  await kit.signOut();
  await go(webhook);
  if (!page.url().includes("/sign-in")) throw new Error("a page is shown to nobody");
  step("signed out");

  await kit.signIn(others.key);
  await kit.expectMissing(webhook, `${webhook}/edit`, delivery, event, client);
  await look("not-there", delivery, { because: 404 });
  await kit.go("/console");
  await kit.signOut();
  step("another organisation sees none of it");

  await kit.signIn(kit.given.adminKey);
  const theirs = {
    "admin-overview": "/console",
    "admin-events": "/console/events",
    "admin-dead-letters": `/console/dead-letters?organization=${ours.organization}`,
    "audit-log": "/console/audit-log",
  };
  for (const [name, address] of Object.entries(theirs)) await look(name, address);
  step("looked as an administrator");
});
