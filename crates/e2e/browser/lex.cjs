// Two partners exchange messages: one sees that its message died and why, the other has the delivery sent again. One runs
// the conformance cases and gets a certificate. A third finds none of it, and an administrator all.

"use strict";

const { story } = require("./common.cjs");

const SCOPES = ["lex:leads:write", "lex:leads:read", "lex:assets:write", "lex:subscriptions:manage"];

story(async (kit) => {
  const { page, step, look, go, submit, waitFor, act, eventually } = kit;
  // An organisation with a LEX id and a token of that surface.
  const party = async () => {
    const tenant = await kit.tenant();
    const lexId = `PARTY-${Math.random().toString(36).slice(2, 10).toUpperCase()}`;
    await kit.api("PATCH", `/api/v1/organizations/${tenant.organization}`, { lexOrganizationId: lexId });
    const path = `/api/v1/api-clients/${tenant.client}/oauth-credentials`;
    const oauth = await kit.api("POST", path, { name: "Exchange", scopes: SCOPES, rateLimitOverride: 10_000 });
    const basic = Buffer.from(`${oauth.clientId}:${oauth.clientSecret}`).toString("base64");
    const form = { authorization: `Basic ${basic}`, "content-type": "application/x-www-form-urlencoded" };
    const granted = await kit.api("POST", "/oauth/token", "grant_type=client_credentials", null, form);
    return { ...tenant, lexId, token: granted.access_token };
  };
  const [sender, receiver, stranger] = [await party(), await party(), await kit.tenant()];

  await kit.signIn(sender.key);
  await look("messages-empty", "/console/lex");
  await waitFor("No message was sent or came in yet");
  await look("dead-empty", "/console/lex/dead");
  await look("conformance-empty", "/console/lex/conformance");

  const systems = await kit.receiver([[400, "the schema is another one here"]]);
  await kit.api("POST", "/v1/subscriptions", { eventTypes: ["ALL"], deliveryEndpoint: systems.url }, receiver.token);
  const lead = (name, to) => ({ lex: {
    header: {
      messageId: name, messageType: "LEAD", version: "1.0", timestamp: new Date().toISOString(),
      senderId: sender.lexId, receiverId: to,
    },
    payload: { lead: {
      leadId: `LEAD-${name}`, status: "SHOPPING", source: "RETAILER_WEBSITE",
      customer: { firstName: "Ada", lastName: "King", emailAddress: `${name}@example.com`, phoneNumber: "+15125550143" },
      desiredProduct: { productType: "VEHICLE", model: "<b>390</b>", year: 2026 },
      metadata: { createdDate: new Date(Date.now() - 60_000).toISOString(), countryCode: "US" },
    } },
  } });
  const tail = Math.random().toString(36).slice(2, 10);
  const [first, held] = [`M-1-${tail}`, `M-2-${tail}`];
  await kit.api("POST", "/v1/messages", lead(first, receiver.lexId), sender.token);
  await kit.api("POST", "/v1/messages", lead(held, "NOBODY-AT-ALL"), sender.token);
  for (let number = 0; number < 55; number += 1) {
    await kit.api("POST", "/v1/messages", lead(`M-${number + 3}-${tail}`, "LEX-PLATFORM"), sender.token);
  }

  await eventually("the message is dead", async () => {
    await go("/console/lex/dead");
    return (await page.$("tbody a")) !== null;
  });
  await look("dead", "/console/lex/dead");
  await submit("tbody a");
  await waitFor("DELIVERY_FAILED");
  await look("message-dead", new URL(page.url()).pathname);
  const message = new URL(page.url()).pathname;
  step("saw that a message died, and why");
  await go(`/console/lex?messageId=${held}`);
  await submit("tbody a");
  await waitFor("nobody has this LEX id yet");
  await waitFor("RECEIVER_NOT_REGISTERED");
  await look("message-held", new URL(page.url()).pathname);
  step("saw what a held message waits for");

  await look("messages", "/console/lex");
  await submit("a[rel=next]");
  await waitFor(first);
  await go("/console/lex");
  await page.locator("#partner").fill(receiver.lexId);
  await page.select("#status", "DLQ");
  await submit("form.filter button");
  await waitFor(first);
  await look("messages-none", "/console/lex?leadId=nothing-at-all");
  step("paged through messages and narrowed them down");

  await go("/console/lex/conformance");
  await act("Run the cases", { targetLevel: "1", organizationId: receiver.lexId });
  await waitFor("is not a LEX id of the organization");
  await look("conformance-refused");
  await go("/console/lex/conformance");
  await act("Run the cases", { targetLevel: "2" });
  await waitFor("Certificate");
  await waitFor(`LEX-L2-CERT-`);
  const run = new URL(page.url()).pathname;
  await look("conformance-run", run);
  await look("conformance", "/console/lex/conformance");
  step("ran the conformance cases and got a certificate");
  await go("/console");
  await kit.signOut();

  await kit.signIn(receiver.key);
  await go("/console/lex?direction=RECEIVED");
  await submit("tbody a");
  await waitFor("the schema is another one here");
  await look("message-received", new URL(page.url()).pathname);
  await act("Send again");
  await waitFor("accepted");
  if (systems.received.length !== 2) throw new Error(`${systems.received.length} requests came`);
  step("had the delivery sent again and saw it arrive");
  await kit.expectMissing(run);
  await go("/console");
  await kit.signOut();

  await kit.signIn(stranger.key);
  await kit.expectMissing(message, run, `${run}?export=csv`, `${message}?organization=${sender.organization}`);
  await look("not-there", message, { because: 404 });
  await go("/console");
  await kit.signOut();
  step("another organisation sees none of it");

  await kit.signIn(kit.given.adminKey);
  await look("admin", "/console/lex");
  await waitFor("Choose an organisation");
  await go(`/console/lex?organization=${sender.organization}&messageId=${first}`);
  await submit("tbody a");
  await waitFor("DELIVERY_FAILED");
  const log = await kit.api("GET", `/api/v1/audit-log?organizationId=${sender.organization}&action=lex.conformance_run`);
  if (log.data.length !== 1) throw new Error(`the audit log has ${log.data.length} runs`);
  step("looked as an administrator, and found the run in the audit log");
});
