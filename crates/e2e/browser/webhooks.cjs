// An engineer looks at the webhooks of all families of an organisation: finds the one of a partner that fails, sees why,
// pauses it, lets it work again and recovers what it did not get. Somebody else finds none of them.

"use strict";

const { createHmac, randomUUID } = require("node:crypto");
const { story } = require("./common.cjs");

const base64url = (text) => Buffer.from(text).toString("base64url");

story(async (kit) => {
  const { page, step, look, go, submit, waitFor, act, eventually } = kit;
  const [ours, others] = [await kit.tenant(), await kit.tenant()];
  const organization = await kit.api("GET", `/api/v1/organizations/${ours.organization}`);
  const credentials = `/api/v1/api-clients/${ours.client}`;

  await kit.signIn(ours.key);
  await look("all-empty", "/console/subscriptions");
  await waitFor("has no webhooks yet");

  // One of each family.
  const scopes = [`${organization.slug}:webhooks:write`, `${organization.slug}:leads:write`];
  const service = await kit.api("POST", `${credentials}/service-credentials`, { name: "Partner", scopes, rateLimitOverride: 10_000 });
  const token = () => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: service.issuer, sub: service.subject, aud: service.audience, scopes: service.scopes, kid: service.kid,
      iat: now, exp: now + 300, jti: randomUUID(),
    };
    const signed = [{ alg: "HS256", typ: "JWT", kid: service.kid }, claims].map((part) => base64url(JSON.stringify(part))).join(".");
    return `${signed}.${createHmac("sha256", Buffer.from(service.secret, "base64url")).update(signed).digest("base64url")}`;
  };
  const oauth = await kit.api("POST", `${credentials}/oauth-credentials`, { name: "Exchange", scopes: ["lex:subscriptions:manage"] });
  const basic = Buffer.from(`${oauth.clientId}:${oauth.clientSecret}`).toString("base64");
  const form = { authorization: `Basic ${basic}`, "content-type": "application/x-www-form-urlencoded" };
  const granted = await kit.api("POST", "/oauth/token", "grant_type=client_credentials", null, form);

  const partners = await kit.receiver([[410, "this address has moved away"]]);
  const exchange = await kit.receiver();
  const base = `/api/v1/partners/${organization.slug}/webhook-subscriptions`;
  const wanted = { url: `${partners.url}?token=secret`, events: ["lead.*"], description: "Dealers of the north" };
  const partner = (await kit.api("POST", base, wanted, token())).data;
  const filters = { regions: ["US", "CA"], productTypes: ["VEHICLE"] };
  const endpoint = { eventTypes: ["ALL"], filters, deliveryEndpoint: exchange.url };
  const lex = await kit.api("POST", "/v1/subscriptions", endpoint, granted.access_token);
  for (let number = 0; number < 52; number += 1) {
    const url = `https://hooks.example.com/a/rather/long/path/that/wraps/on/a/phone/${number}`;
    await kit.api("POST", `${credentials}/webhooks`, { url, events: ["lead.created", "customer.updated"] });
  }

  await look("all", "/console/subscriptions");
  if (!(await page.$("a[rel=next]"))) throw new Error("a long list does not go on");
  await page.locator("#family").fill("partner");
  await submit("form.filter button");
  if ((await page.$$("tbody tr")).length !== 1) throw new Error("the filter of families shows others too");
  if ((await page.content()).includes("token=secret")) throw new Error("what may be secret in a URL is shown");
  await submit("tbody a");
  const address = new URL(page.url()).pathname;
  await look("partner-new", address);
  step("found a partner's webhook");

  await act("Send a test");
  await waitFor("this address has moved away");
  await look("partner-delivery-failed");
  await go(address);
  await waitFor("dead letter");
  await waitFor("disabled");
  await look("partner-failing", address);
  await page.locator("#status").fill("DELIVERED");
  await submit("form.filter button");
  await waitFor("No delivery of it is like that");
  step("saw why it fails");

  await go(address);
  await act("Resume");
  await waitFor("active");
  await act("Pause");
  await waitFor("paused");
  await act("Resume");
  await waitFor("active");
  await act("Recover", { since: new Date(Date.now() - 3_600_000).toISOString().slice(0, 16) });
  await eventually("the test event arrives", async () => {
    await go(address);
    return (await kit.textOf("tbody")).includes("delivered");
  });
  const ids = partners.received.map((one) => one.headers["webhook-id"]);
  if (new Set(ids).size !== 1) throw new Error(`what was recovered is another delivery: ${ids}`);
  await look("partner", address);
  step("paused, resumed and recovered it");

  const ours_of_lex = `/console/subscriptions/${lex.subscriptionId}`;
  await look("lex", ours_of_lex);
  await waitFor("US, CA");
  const files = {
    "/console/subscriptions?export=csv": 55,
    "/console/webhooks?export=csv": 53,
    [`${address}?export=csv`]: 2,
  };
  for (const [file, lines] of Object.entries(files)) {
    const rows = await page.evaluate(async (file) => (await fetch(file)).text(), file);
    const has = rows.trim().split("\r\n").length;
    if (!rows.startsWith('"id",') || has !== lines) throw new Error(`${file} has ${has} lines: ${rows.slice(0, 300)}`);
  }
  await go("/console/webhooks?sortBy=createdAt&sortOrder=asc");
  if (!(await kit.textOf("tbody tr")).includes("phone/0")) throw new Error("the oldest is not the first");
  await look("of-a-client-long", "/console/webhooks");
  step("has the lists as files, in either order");

  await kit.signOut();
  await kit.signIn(others.key);
  await kit.expectMissing(address, ours_of_lex, `${address}?organization=${ours.organization}`);
  await kit.go("/console");
  await kit.signOut();
  await kit.signIn(kit.given.adminKey);
  await look("admin-choose", "/console/subscriptions");
  await waitFor("Choose an organisation");
  await look("admin-all", `/console/subscriptions?organization=${ours.organization}&family=lex`);
  await submit("tbody a");
  await waitFor("US, CA");
  step("an administrator finds them by their organisation");
});
