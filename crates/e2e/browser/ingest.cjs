// Somebody looks after the workers of their organisation: how much of the plan is used, who a worker is, how they stand,
// what happened to them. Somebody else finds none of it, and an administrator all.

"use strict";

const { story } = require("./common.cjs");

story(async (kit) => {
  const { page, step, look, go, submit, waitFor } = kit;
  const [ours, others] = [await kit.tenant(), await kit.tenant()];
  await kit.signIn(ours.key);
  await look("workers-empty", "/console/ingest");
  await waitFor("There is no worker yet");

  const app = { slug: "dialer", name: "Dialer" };
  const made = { clientId: ours.client, name: "Dialer", surface: "ingest", app, rateLimitOverride: 10_000 };
  const { key } = await kit.api("POST", "/api/v1/api-keys", made);
  const actor = { email: "ada@example.com", displayName: "Ada Lovelace", externalId: "=EMP-7" };
  const event = (number) => ({
    eventType: number % 2 ? "call.made" : "build.done", category: number % 2 ? "communication" : "code", actor,
    duration: number, metadata: { number, note: "<b>bold</b>" },
    timestamp: new Date(Date.now() - number * 60_000).toISOString(),
  });
  const events = Array.from({ length: 60 }, (_, number) => event(number));
  for (let number = 0; number < 60; number += 1) {
    events.push({ eventType: "call.made", category: "other", actor: { email: `p${number}@example.com` } });
  }
  await kit.api("POST", "/api/v1/ingest/events", { events }, key);
  const metrics = { open: 7, mood: "calm", sla: { value: 92, unit: "percentage", label: "Within the promise" } };
  await kit.api("POST", "/api/v1/ingest/snapshots", { snapshotType: "calls_open", actor, metrics }, key);

  await go("/console/ingest");
  await waitFor("121 events");
  await waitFor("61 workers");
  await look("workers", "/console/ingest");
  await submit("a[rel=next]");
  const rest = await page.$$eval("tbody tr td a", (links) => links.length);
  if (rest !== 11) throw new Error(`the second page has ${rest} workers`);
  step("saw the usage of the plan and paged through the workers");

  await go("/console/ingest");
  await page.locator("#search").fill("lovelace");
  await submit("form.filter button");
  const names = await page.$$eval("tbody tr td a", (links) => links.length);
  if (names !== 1) throw new Error(`${names} workers are called Lovelace`);
  const csv = await kit.page.evaluate(async () => (await fetch(document.querySelector("a[href*='export=csv']").href)).text());
  if (!csv.includes("\"'=EMP-7\"")) throw new Error(`the export may be a formula: ${csv}`);
  step("found a worker by a part of the name and took the list away");
  await submit("tbody a");
  await waitFor("Within the promise");
  await waitFor("92 %");
  const worker = new URL(page.url()).pathname;
  await look("worker", worker);
  await page.locator("#type").fill("call.made");
  await submit("form.filter button");
  const kinds = await page.$$eval(".scroll tbody tr", (rows) => rows.map((row) => row.children[1].textContent));
  if (kinds.length !== 30 || kinds.some((kind) => kind !== "call.made")) throw new Error(`the filter lets pass ${kinds}`);
  await look("worker-nothing", `${worker}?type=nothing.at.all`);
  await waitFor("No event is like that");
  await look("workers-none", "/console/ingest?search=nobody.at.all");
  step("read a timeline and cards");
  await go("/console");
  await kit.signOut();

  await kit.signIn(others.key);
  await kit.expectMissing(worker, `${worker}?export=csv`, `${worker}?organization=${ours.organization}`);
  await go("/console/ingest");
  await waitFor("There is no worker yet");
  await kit.signOut();
  step("another organisation sees none of it");

  await kit.signIn(kit.given.adminKey);
  await look("admin", "/console/ingest");
  await waitFor("Choose an organisation");
  await go(`/console/ingest?organization=${ours.organization}&search=lovelace`);
  await submit("tbody a");
  await waitFor("Within the promise");
  step("looked as an administrator");
});
