// One sign-in under many processes of allmcp, against strict.mjs: what each race costs, as a table.
//
// usage: node races.mjs FOLDER     (ALLMCP, FAKETIME: the programs; RUNS, COPIES: numbers, as "5" and "2,5,20"; ROWS: some rows only, between semicolons)
//
// Prints "ok …" or "FAILED …" for each row and number of copies, and the table last. A row fails when one of its runs broke a promise.

import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { strict } from "./strict.mjs";

const [folder] = process.argv.slice(2);
const { ALLMCP, FAKETIME, PATH } = process.env;
const RUNS = Number(process.env.RUNS || 5);
const COPIES = (process.env.COPIES || "5").split(",").map(Number);
const AT_ONCE = 40; // processes of ours
const PATIENCE = 25_000 + 3_000; // the promise, and what a busy machine adds
const STOPPED = 40_000;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const browser = `${folder}/browser`;
writeFileSync(browser, `#!/bin/sh\nexec '${process.execPath}' '${fileURLToPath(new URL("tab.mjs", import.meta.url))}' "$1"\n`);
chmodSync(browser, 0o755);
const server = await strict();
let homes = 0;

// One machine: a home, a site, and the processes that run in it.
class Machine {
  constructor() {
    this.name = `c${++homes}`;
    this.home = `${folder}/${this.name}`;
    this.site = server.site(this.name);
    this.copies = [];
    this.broken = [];
    this.errors = 0;
    this.worst = 0;
    this.said = new Set();
    mkdirSync(this.home, { mode: 0o700 });
    // The store is a file: a keychain has a check of its own.
    this.env = { PATH, HOME: this.home, LANG: "C.UTF-8", BROWSER: browser, ALLMCP_STORE: "file" };
  }

  holds(what, truth) {
    if (!truth) this.broken.push(what);
  }

  // Runs a command to its end.
  async run(...args) {
    const child = spawn(ALLMCP, args, { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (text += piece));
    const late = setTimeout(() => child.kill("SIGKILL"), 60_000);
    const code = await new Promise((done) => child.on("close", done));
    clearTimeout(late);
    return { code, text };
  }

  connect() {
    return this.run("connect", this.site.mcp, "--name", this.name, "--auth", "oauth", "--json");
  }

  async signIn() {
    const { code, text } = await this.connect();
    if (code !== 0) throw new Error(`connect: exit ${code}: ${text.slice(-300)}`);
    this.tabs = this.site.counts.tabs;
  }

  async start(n, env = {}) {
    this.copies = await Promise.all(Array.from({ length: n }, () => new Copy({ ...this.env, ...env }).ready()));
  }

  // One call in each at the same time.
  async call(copies = this.copies) {
    const answers = await Promise.all(copies.map((copy) => copy.call(this.tool ?? `${this.name}__echo`)));
    this.worst = Math.max(this.worst, ...answers.map((answer) => answer.ms));
    for (const answer of answers) if (answer.error) this.said.add(answer.text);
    return { answers, failed: answers.filter((answer) => answer.error).length };
  }

  // The same, counted.
  async race(copies = this.copies) {
    const { answers, failed } = await this.call(copies);
    this.errors += failed;
    return answers;
  }

  facts() {
    try {
      return JSON.parse(readFileSync(`${this.home}/.local/state/allmcp/grants/${this.name}.json`, "utf8"));
    } catch {
      return {};
    }
  }

  async until(what, truth, limit = 30_000) {
    const end = Date.now() + limit;
    while (!truth()) {
      if (Date.now() > end) throw new Error(`${what} did not come about`);
      await wait(1);
    }
  }

  async kill(copy) {
    copy.child.kill("SIGKILL");
    await copy.ended;
    this.copies = this.copies.filter((other) => other !== copy);
  }

  async end() {
    await Promise.all(this.copies.map((copy) => copy.end()));
    if (!this.broken.length) rmSync(this.home, { recursive: true, force: true });
  }

  // What holds in every race.
  always(times = 1) {
    const { site } = this;
    this.holds("a refresh token was sent again after invalid_grant", site.afterDeath === 0);
    this.holds(`a refresh token was sent more than ${times} times`, [...site.sent.values()].every((sent) => sent <= times));
    this.holds("a tab was opened", site.counts.tabs === this.tabs);
  }

  exactlyOne() {
    const { ok, invalid } = this.site.counts;
    this.holds(`${ok} renewals and ${invalid} invalid_grant instead of 1 and 0`, ok === 1 && invalid === 0);
    this.holds(`${this.errors} calls failed`, this.errors === 0);
    this.always();
  }
}

// One `allmcp serve` and its client.
class Copy {
  constructor(env, args = ["serve"]) {
    this.child = spawn(ALLMCP, args, { env, stdio: ["pipe", "pipe", "ignore"] });
    this.child.stdin.on("error", () => {});
    this.waiting = new Map();
    this.last = 0;
    this.ended = new Promise((done) => this.child.on("close", done));
    this.ended.then(() => this.waiting.forEach((tell) => tell({ error: { message: "the process ended" } })));
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const { id, method, ...answer } = JSON.parse(line);
      if (method === undefined) this.waiting.get(id)?.(answer);
    });
  }

  send(message) {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  request(method, params) {
    const id = ++this.last;
    return new Promise((done) => {
      const late = setTimeout(() => done({ error: { message: "no answer within 90 s" } }), 90_000);
      this.waiting.set(id, (answer) => {
        clearTimeout(late);
        done(answer);
      });
      this.send({ id, method, params });
    });
  }

  async ready() {
    await this.request("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "races", version: "1" } });
    this.send({ method: "notifications/initialized" });
    return this;
  }

  async call(name) {
    const began = Date.now();
    const { result, error } = await this.request("tools/call", { name, arguments: { message: "hi" } });
    const text = error ? error.message : result.content.map((part) => part.text ?? "").join(" ");
    return { error: Boolean(error || result.isError || text !== "Echo: hi"), text, ms: Date.now() - began };
  }

  async end() {
    this.child.kill("SIGCONT");
    this.child.stdin.end();
    const late = setTimeout(() => this.child.kill("SIGKILL"), 15_000);
    await this.ended;
    clearTimeout(late);
  }
}

// Signed in, all copies have called once, and then every access token is refused.
async function warm(machine, n) {
  await machine.signIn();
  await machine.start(n);
  const { failed } = await machine.call();
  machine.holds("a call failed before anything happened", failed === 0);
  machine.worst = 0;
  // A copy that still looks for new tools behind its first call would be the one that renews, and not the one that is to be killed.
  await machine.until("a quiet moment", () => Date.now() - machine.site.latest > 700);
  machine.site.rejectNow();
}

// The first copy is the one that renews, and dies at `step`; then all others call.
async function killed(machine, n, step, prepare = () => {}) {
  await warm(machine, n);
  prepare();
  const [holder] = machine.copies;
  holder.call(`${machine.name}__echo`);
  await step();
  await machine.kill(holder);
  return machine.race();
}

// Its answer is lost, and the server ends the session of a token that comes twice: that is told, once, and a new sign-in is taken up.
async function lost(machine) {
  const { site } = machine;
  machine.holds("not one invalid_grant", site.counts.invalid === 1);
  machine.holds("somebody was not told of reconnect", [...machine.said].every((text) => text.includes(`allmcp reconnect ${machine.name}`)));
  await machine.call();
  machine.always(2);
  site.hold = null;
  const { code, text } = await machine.run("reconnect", machine.name, "--json");
  machine.holds(`reconnect: exit ${code}: ${text.slice(-200)}`, code === 0);
  machine.tabs++;
  machine.holds("another tab than that of reconnect", site.counts.tabs === machine.tabs);
  const { failed } = await machine.call();
  machine.holds("a copy does not work after reconnect", failed === 0);
}

const ROWS = {
  async cold(machine, n) {
    const ends = await Promise.all(Array.from({ length: n }, () => machine.connect()));
    machine.tabs = 1;
    for (const { code, text } of ends) machine.holds(`connect: exit ${code}: ${text.slice(-200)}`, code === 0);
    machine.errors = ends.filter(({ code }) => code !== 0).length;
    machine.holds(`${machine.site.counts.registrations} registrations`, machine.site.counts.registrations === 1);
    machine.always();
    await machine.start(n);
    await machine.race();
    machine.holds("a call failed", machine.errors === 0);
    machine.opened = machine.site.counts.tabs;
  },

  // The first start of a client that has us in its list N times: whoever comes first asks the user, all others wait for it.
  async "cold bridge"(machine, n) {
    const { site } = machine;
    const start = () => new Copy(machine.env, ["bridge", site.mcp]).ready();
    machine.copies = await Promise.all(Array.from({ length: n }, start));
    machine.tool = "echo";
    await machine.until("the sign-in", () => site.access.size > 0);
    // Those that wait look four times a second whether it came about.
    await wait(2_000);
    await machine.race();
    machine.tabs = 1;
    machine.holds(`${site.counts.registrations} registrations`, site.counts.registrations === 1);
    machine.holds("a call failed", machine.errors === 0);
    machine.always();
    machine.opened = site.counts.tabs;
  },

  // Their clock says that it is over, and so does the server's.
  async expired(machine, n) {
    machine.site.life = 6;
    await machine.signIn();
    machine.site.life = 3600;
    await wait(6_100);
    // A slow sign-in was renewed on its way; then there is nothing to see.
    machine.holds("the sign-in took too long to be a test", machine.site.counts.ok === 0);
    await machine.start(n);
    await machine.race();
    machine.exactlyOne();
  },

  // The server has restarted: what still looks good is refused.
  async warm401(machine, n) {
    await warm(machine, n);
    await machine.race();
    machine.exactlyOne();
  },

  // The clock of the running processes jumps by two days.
  async wake(machine, n) {
    const clock = `${machine.home}/clock`;
    writeFileSync(clock, "+0d\n");
    await machine.signIn();
    await machine.start(n, {
      LD_PRELOAD: FAKETIME, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: "1",
      // A machine that sleeps stops this clock, and so nothing but the other one jumps.
      FAKETIME_DONT_FAKE_MONOTONIC: "1", DONT_FAKE_MONOTONIC: "1",
    });
    const { failed } = await machine.call();
    machine.holds("a call failed before anything happened", failed === 0);
    machine.worst = 0;
    writeFileSync(clock, "+2d\n");
    machine.site.rejectNow();
    await machine.race();
    machine.exactlyOne();
    const told = Date.parse(machine.facts().expires_at);
    machine.holds("nobody saw the clock jump: the harness is broken", told > Date.now() + 86_400_000);
  },

  async "stopped 40 s"(machine, n) {
    const { site } = machine;
    await warm(machine, n);
    site.latency = 1000;
    const [holder, ...others] = machine.copies;
    const own = holder.call(`${machine.name}__echo`);
    await machine.until("the renewal", () => site.counts.seen === 1);
    holder.child.kill("SIGSTOP");
    const stopped = Date.now();
    const answers = await machine.race(others);
    for (const answer of answers) {
      machine.holds(`while the holder is stopped: ${answer.text.slice(0, 120)}`, answer.error && answer.text.includes("another process is renewing"));
      machine.holds(`failed closed after ${answer.ms} ms`, answer.ms <= PATIENCE);
    }
    await wait(Math.max(0, STOPPED - (Date.now() - stopped)));
    holder.child.kill("SIGCONT");
    await own;
    const { failed } = await machine.call();
    machine.holds("not everybody goes on afterwards", failed === 0);
    machine.holds("not exactly one renewal", site.counts.ok === 1 && site.counts.invalid === 0);
    machine.always();
  },

  async "killed: before the POST"(machine, n) {
    // The two are a millisecond apart: now and then it has left already, which must end the same way.
    const step = async () => {
      await machine.until("the intent", () => machine.facts().intent);
      machine.note = machine.site.counts.seen ? "had left" : "before";
    };
    await killed(machine, n, step, () => (machine.site.latency = 1000));
    machine.holds("not exactly one renewal", machine.site.counts.ok === 1 && machine.site.counts.invalid === 0);
    machine.holds("a call failed", machine.errors === 0);
    machine.always(2);
  },

  async "killed: while the server works"(machine, n) {
    await killed(machine, n, () => machine.until("the renewal", () => machine.site.counts.seen === 1), () => (machine.site.latency = 1000));
    machine.holds("not exactly one renewal", machine.site.counts.ok === 1 && machine.site.counts.invalid === 0);
    machine.holds("a call failed", machine.errors === 0);
    machine.always(2);
  },

  async "killed: half an answer, forgiven"(machine, n) {
    const { site } = machine;
    site.forgives = true;
    const half = new Promise((done) => (site.hold = done));
    await killed(machine, n, async () => {
      await half;
      site.hold = null;
    });
    machine.holds("not one more renewal", site.counts.ok === 2 && site.counts.invalid === 0);
    machine.holds("a call failed", machine.errors === 0);
    machine.always(2);
  },

  async "killed: half an answer, strict"(machine, n) {
    const { site } = machine;
    const half = new Promise((done) => (site.hold = done));
    await killed(machine, n, async () => {
      await half;
      site.hold = null;
    });
    machine.holds("somebody works without a sign-in", machine.errors === n - 1);
    machine.survivors = 0;
    await lost(machine);
  },

  // Between the answer and the vault, or just after: nobody can tell before.
  async "killed: 0 to 20 ms after the answer"(machine, n) {
    const { site } = machine;
    await killed(machine, n, async () => {
      await machine.until("the answer", () => site.counts.replied === 1);
      await wait(Math.random() * 20);
    });
    if (machine.errors) {
      machine.note = "lost";
      machine.survivors = n - 1 - machine.errors;
      machine.holds("only some go on", machine.errors === n - 1);
      await lost(machine);
    } else {
      machine.note = "saved";
      machine.exactlyOne();
    }
  },

  async "killed: after it was saved"(machine, n) {
    await killed(machine, n, () => machine.until("the new generation", () => machine.facts().generation === 2));
    machine.exactlyOne();
  },
};

async function once(row, n) {
  const machine = new Machine();
  // The first sign-in is not raced for, so it need not be slow.
  machine.site.latency = 300;
  try {
    await ROWS[row](machine, n);
    if (machine.survivors === undefined) {
      const { failed } = await machine.call();
      machine.survivors = machine.copies.length - failed;
      machine.holds("somebody does not go on", failed === 0);
    }
  } catch (error) {
    machine.holds(String(error?.message ?? error), false);
  } finally {
    await machine.end();
  }
  const { ok, invalid } = machine.site.counts;
  const tabs = machine.opened ?? machine.site.counts.tabs - (machine.tabs ?? 0);
  return { ok, invalid, errors: machine.errors, tabs, survivors: machine.survivors ?? 0, ms: machine.worst, broken: machine.broken, note: machine.note, said: [...machine.said] };
}

// As many at a time as the machine can take.
let free = AT_ONCE;
async function limited(cost, work) {
  while (free < cost && free < AT_ONCE) await wait(50);
  free -= cost;
  try {
    return await work();
  } finally {
    free += cost;
  }
}

const range = (results, key) => {
  const all = results.map((result) => result[key]);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return low === high ? `${low}` : `${low} to ${high}`;
};

const chosen = process.env.ROWS ? process.env.ROWS.split(";") : Object.keys(ROWS);
// The one that takes longest and does least begins first.
chosen.sort((a, b) => b.startsWith("stopped") - a.startsWith("stopped"));
const table = await Promise.all(chosen.flatMap((row) => COPIES.map(async (n) => {
  const results = await Promise.all(Array.from({ length: RUNS }, () => limited(n, () => once(row, n))));
  const broken = results.filter((result) => result.broken.length);
  console.log(`${broken.length ? "FAILED" : "ok"} ${row}, ${n} copies, ${RUNS} runs${broken.length ? `: ${broken.length} broke a promise` : ""}`);
  for (const { broken: what, said } of broken.slice(0, 3)) {
    console.log(`    ${what.join("; ")}`);
    for (const text of said.slice(0, 3)) console.log(`      a client was told: ${text.slice(0, 400)}`);
  }
  const notes = results.map(({ note }) => note).filter(Boolean);
  const note = [...new Set(notes)].map((one) => `${one} ${notes.filter((other) => other === one).length}`).join(", ");
  return `| ${row} | ${n} | ${RUNS} | ${["ok", "invalid", "errors", "tabs", "survivors"].map((key) => range(results, key)).join(" | ")} | ${Math.max(...results.map(({ ms }) => ms))} | ${note} |`;
})));
console.log("| race | copies | runs | renewals | invalid_grant | errors seen | tabs | survivors | worst call, ms | |");
console.log("|---|---|---|---|---|---|---|---|---|---|");
for (const row of table) console.log(row);
process.exit(0);
