// Answers on the approval page as a person would, in a headless Chromium.
//
// usage: node approve.mjs REPORT URL [approve|refuse|look]      (PEERS: the npm packages; CHROMIUM: the program)
//
// REPORT.json says what the page shows and what it becomes; REPORT-light.png, REPORT-dark.png and REPORT-narrow.png how it looks before
// the answer, REPORT-after.png how it looks then.

import { writeFileSync } from "node:fs";

const [report, url, answer = "look"] = process.argv.slice(2);
const { default: puppeteer } = await import(`${process.env.PEERS}/node_modules/puppeteer-core/lib/puppeteer/puppeteer-core.js`);

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  headless: true,
  // Root in a container has no sandbox to make.
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"],
});
const found = { ok: false };
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(30_000);
  const problems = [];
  // A page that is gone (410) is no fault of its own.
  page.on("console", (message) => message.text().includes("status of 410") || problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  const look = () =>
    page.evaluate(() => ({
      title: document.title,
      heading: document.querySelector("h1")?.textContent,
      text: document.body.innerText,
      buttons: [...document.querySelectorAll("button")].map((button) => button.innerText),
      scripts: document.querySelectorAll("script, [onload], [onclick], [onerror], iframe, img").length,
      fetched: performance.getEntriesByType("resource").length,
      overflow: document.documentElement.scrollWidth > innerWidth,
      background: getComputedStyle(document.body).backgroundColor,
    }));
  await page.setViewport({ width: 900, height: 760 });
  const opened = await page.goto(url, { waitUntil: "load" });
  found.status = opened.status();
  found.before = await look();
  await page.screenshot({ path: `${report}-light.png`, fullPage: true });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  found.dark = (await look()).background;
  await page.screenshot({ path: `${report}-dark.png`, fullPage: true });
  await page.emulateMediaFeatures([]);
  await page.setViewport({ width: 360, height: 640 });
  found.narrowOverflow = (await look()).overflow;
  await page.screenshot({ path: `${report}-narrow.png`, fullPage: true });
  await page.setViewport({ width: 900, height: 760 });
  // Looked at again, it still asks.
  await page.reload({ waitUntil: "load" });
  found.reloaded = (await look()).heading;
  if (answer !== "look") {
    const [after] = await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.click(`button[value=${answer}]`)]);
    found.after = { status: after.status(), ...(await look()) };
    await page.screenshot({ path: `${report}-after.png`, fullPage: true });
    // Nothing is sent again by going on in the tab.
    await page.reload({ waitUntil: "load" });
    found.afterReload = (await look()).heading;
    await page.goBack({ waitUntil: "load" }).catch(() => {});
    found.back = await page.evaluate(() => document.querySelector("h1")?.textContent);
  }
  found.address = page.url();
  found.problems = problems;
  found.ok = true;
} catch (error) {
  found.error = String(error);
  process.exitCode = 1;
} finally {
  writeFileSync(`${report}.json`, JSON.stringify(found));
  await browser.close();
}
