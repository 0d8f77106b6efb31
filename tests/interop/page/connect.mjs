// Connects a service from a chat as a person would: `allmcp serve` on a pipe, its page in a headless Chromium.
//
// usage: node connect.mjs FOLDER -- COMMAND…     (PEERS: the npm packages; CHROMIUM: the program; HOME has the stand-in's port)
//
// Prints one line a result, `ok …` or `FAILED …`. FOLDER gets pictures of every page, light and dark, wide and 360 px.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [folder, , ...command] = process.argv.slice(2);
const { default: puppeteer } = await import(`${process.env.PEERS}/node_modules/puppeteer-core/lib/puppeteer/puppeteer-core.js`);
const KEY = "page-right-canary";
const WRONG = "page-wrong-canary";
const told = (what, good, more = "") => console.log(good ? `ok ${what}` : `FAILED ${what} ${more}`);
setTimeout(() => { console.log("FAILED the whole took too long"); process.exit(1); }, 100_000).unref();

// A stand-in of no vendor: one key, one account, one list.
const asked = [];
const shop = createServer((request, response) => {
  const right = request.headers.authorization === `Bearer ${KEY}`;
  asked.push(right);
  response.writeHead(right ? 200 : 401, { "content-type": "application/json" });
  response.end(JSON.stringify(right ? { name: "Acme", orders: [{ id: 1 }] } : { error: "no such key" }));
});
await new Promise((open) => shop.listen(0, "127.0.0.1", open));
const manifest = `
id = "shop"
name = "Shop"
kind = "http"
category = "sales"
about = "Orders and goods of a shop that this check has made up."
warnings = ["Orders are real: what is changed here is changed for the customers too."]
[[params]]
name = "store"
title = "Store"
help = "What stands before .shop.example in the address bar."
example = "acme"
chars = "a-z"
[[auth]]
id = "key"
title = "API key"
kind = "key"
help = "In Shop: Settings, API, New key. Only the owner can do this."
page = "https://shop.example/settings/api"
headers = { Authorization = "Bearer \${secret:token}" }
[[auth.secrets]]
name = "token"
title = "API key"
example = "shop_…"
[[auth]]
id = "partner"
title = "Key of a partner"
kind = "key"
help = "For agencies that work for many stores."
headers = { X-Partner = "\${secret:partner}" }
[[auth.secrets]]
name = "partner"
title = "Partner key"
[http]
base_url = "http://127.0.0.1:${shop.address().port}/\${param:store}"
check = { method = "GET", path = "/me", account = "name" }
[[groups]]
id = "orders"
title = "Orders"
[[tools]]
name = "orders_list"
description = "The orders."
group = "orders"
method = "GET"
path = "/orders"
effect = "read"
result = "orders"
`;
mkdirSync(`${process.env.ALLMCP_HOME}/providers`, { recursive: true });
writeFileSync(`${process.env.ALLMCP_HOME}/providers/shop.toml`, manifest);
mkdirSync(folder, { recursive: true });

/** One client of one server. */
function serve(life) {
  writeFileSync(`${process.env.ALLMCP_HOME}/config.toml`, `[settings]\nlink_life = "${life}"\n`);
  const child = spawn(command[0], [...command.slice(1), "serve"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = new Map();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line);
    waiting.get(message.id)?.(message);
  });
  let last = 0;
  const request = (method, params) => new Promise((done) => {
    waiting.set(++last, done);
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: last, method, params })}\n`);
  });
  return {
    start: () => request("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "interop", version: "0" } }),
    call: async (name, args) => (await request("tools/call", { name, arguments: args })).result,
    end: () => new Promise((done) => { child.on("exit", done); child.stdin.end(); }),
  };
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  headless: true,
  // Root in a container has no sandbox to make.
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"],
});
const page = await browser.newPage();
const sizes = [];
const everywhere = [];
const problems = [];
page.on("console", (message) => problems.push(message.text()));
page.on("request", (request) => everywhere.push(request.url()));

/** Pictures of the page as it is, and what of it does not fit. */
async function picture(name) {
  for (const [width, theme] of [[900, "light"], [900, "dark"], [360, "light"], [360, "dark"]]) {
    await page.setViewport({ width, height: 700 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    await page.screenshot({ path: `${folder}/${name}-${width}-${theme}.png`, fullPage: true });
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) sizes.push(`${name} ${width}`);
  }
  await page.setViewport({ width: 900, height: 700 });
}
const text = () => page.evaluate(() => document.body.innerText);
const press = (selector) => Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.click(selector)]);
const enter = async (name, value) => {
  await page.$eval(`[name="${name}"]`, (field) => { field.value = ""; });
  await page.type(`[name="${name}"]`, value);
};

const client = serve("10m");
await client.start();
const wanted = await client.call("connect_provider", { provider: "shop" });
const link = wanted.structuredContent.connect_url;
told("the chat gets a link", wanted.structuredContent.status === "action_required" && link.startsWith("http://127.0.0.1:"), JSON.stringify(wanted));

await page.goto(link);
told("the page asks how to sign in", (await text()).includes("How do you want to sign in?"));
await picture("1-ways");
await press('button[value="key"]');
const labelled = await page.$$eval("input:not([type=hidden])", (all) => all.every((one) => one.labels.length === 1 && one.labels[0].innerText));
told("every field has a label", labelled);
await picture("2-key");
await enter("param.store", "acme");
await enter("secret.token", WRONG);
await press('button[value="send"]');
told("a wrong key is explained", (await text()).includes("did not accept the key"), await text());
told("in words that are read out", await page.$eval('[role="alert"]', (one) => one.innerText.length > 20));
told("beside an empty field", await page.$eval('[name="secret.token"]', (one) => one.value === "" && one.type === "password"));
told("which has the cursor", await page.evaluate(() => document.activeElement.name === "secret.token"));
told("and the rest is kept", await page.$eval('[name="param.store"]', (one) => one.value === "acme"));
await picture("3-wrong-key");
await page.focus('[name="param.store"]');
await page.keyboard.press("Tab");
const order = [];
for (let at = 0; at < 5; at++) {
  order.push(await page.evaluate(() => document.activeElement.innerText || document.activeElement.name));
  await page.keyboard.press("Tab");
}
told("the keyboard goes through it in order", order.join("|") === "Where to get it: shop.example|secret.token|Connect|Another way|Cancel", order.join("|"));
await enter("secret.token", KEY);
await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.keyboard.press("Enter")]);
told("Enter sends it, and it is connected", (await page.$eval("h1", (one) => one.innerText)) === "shop is connected", await text());
await picture("4-connected");
const before = asked.length;
await page.reload();
told("a reload sends nothing again", (await text()).includes("shop is connected") && asked.length - before <= 1);
const called = await client.call("call_tool", { name: "shop__orders_list", arguments: {} });
told("its tools are there at once", called.structuredContent?.items?.[0]?.id === 1, JSON.stringify(called));
const second = await page.goto(link);
told("a second use says so", second.status() === 410 && (await text()).includes("used already"));
await picture("5-second-use");

const history = await (await page.createCDPSession()).send("Page.getNavigationHistory");
const remembered = JSON.stringify(history.entries) + everywhere.join(" ") + (await page.title());
told("no secret is in an address, a title or the history", ![KEY, WRONG].some((one) => remembered.includes(one)) && history.entries.length > 2, remembered);
told("nothing is asked for elsewhere", everywhere.every((url) => url.startsWith("http://127.0.0.1:")));
told("nothing runs over the edge, at 360 px neither", sizes.length === 0, sizes.join(", "));
told("the browser has nothing to complain of", problems.filter((one) => !one.includes("410") && !one.includes("404")).length === 0, problems.join(" | "));
const gone = await client.call("disconnect_provider", { name: "shop" });
await page.goto(gone.structuredContent.confirm_url);
await picture("6-disconnect");
await press(".danger");
told("it is given up by a page too", (await text()).includes("shop is disconnected"), await text());
await client.end();

const hasty = serve("1ms");
await hasty.start();
const late = await hasty.call("connect_provider", { provider: "shop" });
const expired = await page.goto(late.structuredContent.connect_url);
told("an expired link says so", expired.status() === 410 && (await text()).includes("This link has expired"), await text());
await picture("7-expired");
await hasty.end();
await browser.close();
shop.close();
