// Reads deliveries from standard input and says of each whether the published library accepts it.
// Its argument is the folder that has the library.
const path = require.resolve("standardwebhooks", { paths: [process.argv[2]] });
const { Webhook } = require(path);
const { readFileSync } = require("node:fs");

const accepted = ({ secret, raw, headers, body }) => {
  const key = raw ? new TextEncoder().encode(secret) : secret;
  try {
    new Webhook(key, raw ? { format: "raw" } : undefined).verify(body, headers, { jsonParse: false });
    return true;
  } catch (error) {
    if (error.name !== "WebhookVerificationError") throw error;
    return false;
  }
};

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(accepted)));
