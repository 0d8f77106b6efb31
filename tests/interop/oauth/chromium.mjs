// Signs in as a person would, in a headless Chromium.
//
// usage: node chromium.mjs REPORT URL        (PEERS: the npm packages; CHROMIUM: the program)
//
// It fills in and confirms each form on the way until the address is one of ours (/callback). REPORT.json then says what the browser saw
// there, and REPORT-light.png and REPORT-dark.png how it looks. A report without "ok" says what went wrong.

import { appendFileSync, renameSync, writeFileSync } from "node:fs";

const [report, url] = process.argv.slice(2);
const { default: puppeteer } = await import(`${process.env.PEERS}/node_modules/puppeteer-core/lib/puppeteer/puppeteer-core.js`);
const DEADLINE = 60_000;

// Whole or not at all: the check waits for it.
function write(found) {
  writeFileSync(`${report}.part`, JSON.stringify(found));
  renameSync(`${report}.part`, `${report}.json`);
}

const began = Date.now();
appendFileSync(`${report}.tabs`, `${new URL(url).pathname}\n`);
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  headless: true,
  // Root in a container has no sandbox to make.
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"],
});
const late = setTimeout(() => {
  write({ error: "no callback in time", at: page?.url()?.split("?")[0] });
  browser.close().finally(() => process.exit(1));
}, DEADLINE);
let page;
try {
  page = await browser.newPage();
  await page.setViewport({ width: 900, height: 640 });
  const requests = [];
  const problems = [];
  page.on("request", (request) => requests.push({ url: request.url().split("?")[0], type: request.resourceType(), from: page.url().split("?")[0] }));
  page.on("console", (message) => problems.push({ at: page.url().split("?")[0], text: message.text() }));
  page.on("pageerror", (error) => problems.push({ at: page.url().split("?")[0], text: String(error) }));
  const steps = [];
  let answer = await page.goto(url, { waitUntil: "load" });
  while (new URL(page.url()).pathname !== "/callback") {
    const step = await page.evaluate(() => {
      for (const [name, value] of [["login", "somebody"], ["password", "anything"]]) {
        const field = document.querySelector(`input[name=${name}]`);
        if (field) field.value = value;
      }
      return document.querySelector("form input[name=prompt]")?.value ?? document.title;
    });
    steps.push(step);
    if (steps.length > 6) throw new Error(`no way through: ${steps}`);
    [answer] = await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.click("form button[type=submit]")]);
  }
  await new Promise((done) => setTimeout(done, 300));
  const here = page.url().split("?")[0];
  const seen = await page.evaluate(() => ({
    title: document.title,
    heading: document.querySelector("h1")?.textContent,
    scripts: document.querySelectorAll("script, [onload], [onclick], [onerror], iframe, link, img").length,
    fetched: performance.getEntriesByType("resource").length,
    overflow: document.documentElement.scrollWidth > innerWidth,
  }));
  for (const theme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    await page.screenshot({ path: `${report}-${theme}.png` });
    seen[theme] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  }
  await page.setViewport({ width: 320, height: 568 });
  await page.screenshot({ path: `${report}-narrow.png` });
  seen.narrowOverflow = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  write({
    ok: true, ms: Date.now() - began, steps, ...seen, status: answer.status(), headers: answer.headers(), here,
    // All that was asked for from our page on, itself included.
    afterCallback: requests.slice(requests.findIndex((request) => request.url === here)),
    problems: problems.filter(({ at }) => at === here),
  });
} catch (error) {
  write({ error: String(error), at: page?.url()?.split("?")[0] });
  process.exitCode = 1;
} finally {
  clearTimeout(late);
  await browser.close();
}
