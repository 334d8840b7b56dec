// Sends the calls of argv[5] (a JSON array of [method, argument]) with an unmodified Node SDK, flushes, and ends.
// node node.js segment|rudderstack ADDRESS KEY CALLS
const [kind, address, key, calls] = process.argv.slice(2);

async function segment() {
  const { Analytics } = require("@segment/analytics-node");
  const analytics = new Analytics({ writeKey: key, host: address, flushInterval: 50, maxRetries: 5 });
  analytics.on("error", (err) => console.error("segment:", err));
  for (const [method, argument] of JSON.parse(calls, date)) analytics[method](argument);
  await analytics.closeAndFlush({ timeout: 20000 });
}

async function rudderstack() {
  const Analytics = require("@rudderstack/rudder-sdk-node");
  const analytics = new Analytics(key, { dataPlaneUrl: address, flushInterval: 50, flushAt: 100, logLevel: "error" });
  const sent = JSON.parse(calls, date).map(([method, argument]) =>
    new Promise((done, fail) => analytics[method](argument, (err) => (err ? fail(err) : done()))));
  await analytics.flush();
  await Promise.all(sent);
}

// date makes times of the calls Date objects, as the SDKs want them.
function date(name, value) {
  return name === "timestamp" ? new Date(value) : value;
}

({ segment, rudderstack })[kind]().then(() => process.exit(0), (err) => {
  console.error(err);
  process.exit(1);
});
