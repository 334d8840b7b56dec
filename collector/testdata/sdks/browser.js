// Opens pages in Chromium one after the other and leaves each when it says that it is done. Prints every request that
// the pages made, as JSON lines.
// node browser.js CHROMIUM PROXY URL…
const { chromium } = require("playwright-core");
const [executablePath, proxy, ...urls] = process.argv.slice(2);

(async () => {
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--proxy-server=" + proxy],
  });
  for (const url of urls) {
    const context = await browser.newContext();
    const page = await context.newPage();
    context.on("request", (r) => console.log(JSON.stringify({ page: url, method: r.method(), url: r.url() })));
    page.on("pageerror", (err) => console.error(url, err));
    page.on("console", (m) => console.error(url, m.text()));
    await page.goto(url);
    await page.waitForFunction(() => window.done, null, { timeout: 20000 });
    await page.goto(new URL("/left.html", url).href);
    await context.close();
  }
  await browser.close();
})().catch((err) => {
  console.error(err);
  process.exit(1);
});
