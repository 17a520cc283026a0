// An operator at night: messages died in a service. Where, why, what is in one, sending some back at a rate, watching it,
// stopping it, going on, and a file of what is left. Somebody else sees none of it.

"use strict";

const { randomUUID } = require("node:crypto");
const { story } = require("./common.cjs");

// No other story lets anything die here. What is sent back is no event that the service knows, and dies again.
const QUEUE = "lead-intake.organizations";
const DEAD = `${QUEUE}.dlq`;
const HERE = "/console/dead-letters/broker";
const MANY = 40;

story(async (kit) => {
  const { page, step, look, go, waitFor, act, given } = kit;
  const ours = await kit.tenant();

  // Letters as a service leaves them, put straight where they die.
  const management = new URL(given.rabbitmq);
  const credentials = Buffer.from(`${management.username}:${decodeURIComponent(management.password)}`).toString("base64");
  const authorization = `Basic ${credentials}`;
  const empty = async () => {
    const address = `${management.origin}/api/queues/leadwire/${DEAD}/contents`;
    const response = await fetch(address, { method: "DELETE", headers: { authorization } });
    if (!response.ok) throw new Error(`${DEAD} is not emptied: ${response.status}`);
  };
  const die = async (kind, error) => {
    const id = randomUUID();
    const payload = { id, type: "lead.created", tenantid: ours.organization, data: { id: "lead-1" } };
    const response = await fetch(`${management.origin}/api/exchanges/leadwire/amq.default/publish`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({
        routing_key: DEAD, payload: JSON.stringify(payload), payload_encoding: "string",
        properties: {
          message_id: id, type: "lead.created", app_id: "lead-intake", content_type: "application/cloudevents+json",
          delivery_mode: 2, timestamp: Math.floor(Date.now() / 1000),
          headers: {
            "tenant-id": ours.organization, "x-error": error, "x-error-kind": kind, "x-attempts": 8,
            "x-first-queue": QUEUE, "x-dead-lettered-at": new Date().toISOString(),
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
          },
        },
      }),
    });
    if (!(await response.json()).routed) throw new Error("a dead letter is not routed");
    return id;
  };

  // Of an earlier run.
  await empty();
  await kit.signIn(given.adminKey);
  await look("queues-empty", HERE);
  for (let count = 0; count < MANY; count += 1) await die("exhausted", "HubSpot did not answer in time");
  const odd = await die("permanent", "the lead has no partner <b>bold</b>");
  await look("queues", HERE);
  await waitFor("HubSpot did not answer in time");
  step("saw where messages died, and why");

  await kit.submit(`xpath/.//main//a[normalize-space()='${QUEUE}']`);
  await waitFor(`${MANY + 1} messages`);
  await look("queue", `${HERE}/${QUEUE}`);
  await look("queue-empty-filter", `${HERE}/${QUEUE}?type=nothing.like.it`);
  await look("message", `${HERE}/${QUEUE}/messages/${odd}`);
  await waitFor("the lead has no partner <b>bold</b>");
  await waitFor("4bf92f3577b34da6a3ce929d0e0e4736");
  if (!(await page.$(`a[href="/console/events/${odd}"]`))) throw new Error("the message does not lead to its event");
  step("looked inside one");

  await go(`${HERE}/${QUEUE}`);
  await act("Send them back to work", { rate: "0" });
  await waitFor("Nothing was sent back");
  await waitFor("ratePerSecond");
  await look("queue-refused");
  if (await page.$("main a[href*='csrf']")) throw new Error("the form's token is in an address");
  await go(`${HERE}/${QUEUE}`);
  await kit.submit("xpath/.//main//td/a[contains(., 'HubSpot did not answer')]");
  await waitFor(`${MANY} messages`);
  await act("Send them back to work", { rate: "5" });
  const replay = new URL(page.url()).pathname;
  const moved = () => page.$eval("progress", (bar) => Number(bar.value)).catch(() => 0);
  const first = await kit.eventually("the bar moves by itself", moved);
  await kit.eventually("the bar moves on by itself", async () => (await moved()) > first);
  await look("replay-running");
  await act("Cancel");
  await waitFor("cancelled");
  const [at, left] = [await moved(), await page.$eval("progress", (bar) => Number(bar.max))];
  if (at < 1 || at >= left) throw new Error(`cancelled at ${at} of ${left}`);
  await look("replay-cancelled", replay);
  step("sent them back at a rate, watched it and stopped it");

  await act("Resume");
  await waitFor("completed");
  if ((await moved()) !== MANY) throw new Error(`${await moved()} of ${MANY} are back`);
  await look("replay-completed", replay);
  step("went on to the end");

  const file = await fetch(`${given.url}/api/v1/admin/dead-letter-queues/${QUEUE}/export?id=${odd}`, {
    headers: { authorization: `Bearer ${given.adminKey}` },
  });
  const lines = (await file.text()).trim().split("\n").map((line) => JSON.parse(line));
  if (lines.length !== 1 || lines[0].payload.data.id !== "lead-1") throw new Error("the file has not what was chosen");
  for (const kind of [`${HERE}/${QUEUE}/export?id=${odd}`, `${HERE}/${QUEUE}?id=${odd}&export=csv`]) {
    if ((await kit.status(kind)) !== 200) throw new Error(`${kind} is no file`);
  }
  await go(`${HERE}/${QUEUE}?id=${odd}`);
  const sendChosen = async () => {
    await page.locator("xpath/.//summary[contains(., 'Send the chosen ones back to work')]").click();
    await kit.submit("details[open] .panel button");
  };
  await sendChosen();
  await waitFor("Tick the messages that are meant");
  await page.locator(`input[name="ids"][value="${odd}"]`).click();
  await sendChosen();
  await waitFor("1 chosen one by one");
  await waitFor("1 of 1 messages are back at work");
  step("sent back what was ticked, and nothing where nothing was");
  await look("audit-log", "/console/audit-log?action=dlq.replay_cancelled");
  await waitFor(`queue:${QUEUE}`);
  step("found it in the audit log");
  await empty();

  await kit.signOut();
  await kit.signIn(ours.key);
  await go("/console/dead-letters");
  if (await page.$(`a[href="${HERE}"]`)) throw new Error("the broker's queues are offered to somebody who may not see them");
  for (const address of [HERE, `${HERE}/${QUEUE}`, `${HERE}/${QUEUE}/messages/${odd}`, replay]) {
    const got = await kit.status(address);
    if (got !== 403) throw new Error(`${address} is answered with ${got} to an organisation's key`);
  }
  step("somebody else sees none of it");
});
