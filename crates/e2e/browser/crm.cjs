// An administrator writes an automation with a mistake in it, sees the mistake where it stands, mends it and applies it; a
// lead comes in and the run is followed step by step. One that dies is let go on. Its organisation sees all of it, and
// another one nothing.

"use strict";

const { story } = require("./common.cjs");

const broken = `name: Greet
description: Greets whoever comes from the web
trigger:
  type: lead_created
steps:
  - condition:
      if: data.source ==
  - delay: {for: soon}
  - set_metadata:
      greeted: "yes"
`;

story(async (kit) => {
  const { page, step, look, go, submit, textOf, waitFor, act, api } = kit;
  const [ours, others] = [await kit.tenant(), await kit.tenant()];
  const of = `organization=${ours.organization}`;
  const crmKey = await api("POST", "/api/v1/api-keys", { clientId: ours.client, name: "CRM", surface: "crm", rateLimitOverride: 10_000 });
  const make = async (kind, data) => (await api("POST", `/api/v1/${kind}`, { data }, crmKey.key)).data;

  await kit.signIn(ours.key);
  for (const kind of ["leads", "customers", "products", "automations"]) await look(`${kind}-empty`, `/console/crm/${kind}`);
  if (await page.$("xpath/.//a[normalize-space()='New automation']")) throw new Error("what is refused is offered");
  await kit.signOut();

  await kit.signIn(kit.given.adminKey);
  await look("whose", "/console/crm/automations");
  await page.select("#organization", ours.organization);
  await submit("form.filter button");
  await submit("xpath/.//a[normalize-space()='New automation']");
  await look("automation-new");
  const write = (text) =>
    page.$eval("#file", (file, text) => { file.value = text; file.dispatchEvent(new Event("input", { bubbles: true })); }, text);
  await write(broken);
  await submit("form.editor button");
  await waitFor("2 things are wrong with the file");
  const said = await page.$$eval("#problems li > p", (problems) => problems.map((one) => one.textContent));
  if (!said[0].startsWith("Line 7: steps.0.condition.if") || !said[1].startsWith("Line 8: steps.1.delay.for")) {
    throw new Error(`what is wrong is not told where it stands: ${said}`);
  }
  const marked = await page.$$eval(".numbers .wrong", (lines) => lines.map((one) => one.textContent.trim()));
  if (marked.join() !== "7,8") throw new Error(`the lines ${marked} are marked`);
  await page.locator("#problems [data-line]").click();
  const chosen = await page.$eval("#file", (file) => file.value.slice(file.selectionStart, file.selectionEnd));
  if (chosen !== "      if: data.source ==") throw new Error(`the link leads to "${chosen}"`);
  await look("automation-wrong");
  step("saw what is wrong where it stands");

  const sound = broken.replace("data.source ==", 'data.source == "web"').replace("soon", "500ms");
  await write(sound);
  await submit("form.editor button");
  await waitFor("Makes a new automation");
  await look("automation-confirm");
  await submit("xpath/.//button[normalize-space()='Back to the editor']");
  if (!(await page.$eval("#file", (file) => file.value)).startsWith("name: Greet\n")) throw new Error("the file is lost");
  await submit("form.editor button");
  await submit("xpath/.//button[normalize-space()='Make the automation']");
  await waitFor("It has not run");
  const automation = new URL(page.url()).pathname;
  step("mended it and applied it");

  const lead = await make("leads", { name: "Ada", source: "web", email: "ada@example.com" });
  await make("leads", { name: "=Bob()", status: "qualified" });
  await kit.eventually("two runs", async () => {
    await go(`${automation}?${of}`);
    return (await page.$$("main tbody tr")).length === 2;
  });
  await look("automation", `${automation}?${of}`);
  await submit(`xpath/.//tr[td[normalize-space()="${lead.id}"]]//a`);
  await waitFor("completed");
  const run = new URL(page.url()).pathname;
  const words = await page.$$eval("ol.steps > li > p .status", (all) => all.map((one) => one.textContent));
  if (words.join() !== "done,done,done") throw new Error(`the steps are ${words}`);
  await look("run");
  step("followed a run to its end");

  await submit(`xpath/.//dd/a[contains(., "${lead.id}")]`);
  await waitFor("greeted: yes");
  const record = new URL(page.url()).pathname;
  await look("lead");
  await go(`${automation}?${of}`);
  await act("Run it by hand", { subject: "nobody" });
  await waitFor("It was not run: the id of the lead is not there.");
  await look("automation-run-refused", undefined, { because: 422 });
  await act("Run it by hand", { subject: lead.id });
  await waitFor("Began by");
  await waitFor("hand");
  step("ran it by hand");

  const receiver = await kit.receiver([[400, "no"]]);
  await go(`${automation}/edit?${of}`);
  await look("automation-edit");
  const file = await page.$eval("#file", (file) => file.value);
  const [, indent] = /^( *)- /m.exec(file);
  await write(`${file}${indent}- http_request:\n${indent}    url: ${receiver.url}\n`);
  await submit("form.editor button");
  await waitFor("Step 4");
  await look("automation-changes");
  await submit("xpath/.//button[normalize-space()='Apply the changes']");
  await act("Run it by hand", { subject: lead.id });
  await waitFor("answered 400");
  await waitFor("dead letter");
  await look("run-dead");
  await act("Let it go on");
  await waitFor("completed");
  const ids = receiver.received.map((one) => one.headers["webhook-id"]);
  if (ids.length !== 2 || ids[0] !== ids[1]) throw new Error(`the request comes as another: ${ids}`);
  step("let a dead one go on");

  await go(`${automation}?${of}`);
  await act("Switch off");
  await waitFor("inactive");
  await act("Switch on");
  await page.waitForFunction(() => document.querySelector("h1").textContent.includes(" active"));
  step("switched it off and on");

  await make("customers", { name: "Grace", email: "grace@example.com" });
  await make("products", { name: "Chair", price_cents: 123_450, tags: ["wood"] });
  const csv = await page.evaluate(async (address) => (await fetch(address)).text(), `/console/crm/leads?${of}&export=csv`);
  if (!csv.includes('"\'=Bob()"')) throw new Error("a cell is a formula");
  await kit.signOut();

  await kit.signIn(ours.key);
  await look("leads", "/console/crm/leads");
  await submit("xpath/.//th/a[starts-with(normalize-space(), 'Name')]");
  const names = await page.$$eval("tbody td:first-child", (cells) => cells.map((cell) => cell.textContent));
  if (names.join() !== "=Bob(),Ada") throw new Error(`by name it is ${names}`);
  await look("leads-none", "/console/crm/leads?search=nobody");
  await look("customers", "/console/crm/customers");
  await look("products", "/console/crm/products");
  await submit("tbody a");
  await waitFor("1,234.50 MXN");
  await look("product");
  await look("automations", "/console/crm/automations");
  await go(automation);
  if (await page.$("main form[method=post]")) throw new Error("what is refused is offered");
  await go(run);
  await waitFor("completed");
  await kit.signOut();
  step("its organisation sees it");

  await kit.signIn(others.key);
  await kit.expectMissing(automation, `${automation}/edit`, run, record, record.replace("leads", "customers"), `${record}?${of}`);
  await look("not-there", automation, { because: 404 });
  await textOf("h1");
  step("another organisation sees none of it");
});
