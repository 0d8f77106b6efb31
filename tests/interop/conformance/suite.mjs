// Runs the MCP conformance suite against allmcp as its client, on every leg: a client of each era in front, a server of each era behind.
//
// usage: node suite.mjs FOLDER     (ALLMCP: the program; CONFORMANCE: the suite's command; LEGS: some of them, as "modern 2026-07-28", between semicolons)
//
// Prints "ok …" or "FAILED …" for each leg, with what failed below it, and one line for each scenario that no revision requires.
// A warning counts as a failure, and so does a driver that ended with an error, and a request that a server never saw although it offers something.

import { spawn } from "node:child_process";
import { chmodSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { fileURLToPath } from "node:url";

const [folder] = process.argv.slice(2);
const { ALLMCP, CONFORMANCE, PATH } = process.env;
const LEGS = (process.env.LEGS || "legacy 2025-11-25;legacy 2026-07-28;modern 2025-11-25;modern 2026-07-28").split(";").map((leg) => leg.split(" "));
// In no revision's list, and not run with it.
const OTHERS = [
  "auth/2025-03-26-oauth-metadata-backcompat",
  "auth/2025-03-26-oauth-endpoint-fallback",
  "sep-2640-client-no-prefetch",
  "sep-2640-client-verify-digest",
  "sep-2640-client-verify-size",
  "sep-2640-client-verify-frontmatter",
];
const LIMIT = 120_000; // ms a run may take; each driver has a deadline of its own
const SHOWN = 4; // failed checks of one scenario

// The suite's command to its end.
async function suite(args, cwd, env = {}) {
  const child = spawn(process.execPath, [CONFORMANCE, ...args], { cwd, env: { PATH, HOME: cwd, TMPDIR: `${cwd}/tmp`, LANG: "C.UTF-8", NO_COLOR: "1", ...env } });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (text += piece));
  const late = setTimeout(() => child.kill("SIGKILL"), LIMIT);
  await new Promise((done) => child.on("close", done));
  clearTimeout(late);
  return text;
}

// Runs the client of one era; answers what became of each scenario: its checks, and the driver's faults.
async function run(name, era, selection) {
  const cwd = `${folder}/${name}`;
  mkdirSync(`${cwd}/tmp`, { recursive: true });
  const driver = fileURLToPath(new URL("driver.mjs", import.meta.url));
  // The suite splits the command at spaces.
  writeFileSync(`${cwd}/driver`, `#!/bin/sh\nexec '${process.execPath}' '${driver}' "$@"\n`);
  chmodSync(`${cwd}/driver`, 0o755);
  const report = `${cwd}/report`;
  const text = await suite(["client", "--command", "./driver", "--timeout", "120000", "-o", `${cwd}/results`, ...selection], cwd, { ALLMCP, DRIVER: era, REPORT: report });
  writeFileSync(`${cwd}/log`, text);
  const told = existsSync(report) ? readFileSync(report, "utf8").trim().split("\n").map(JSON.parse) : [];
  const faults = new Map(told.map((line) => [line.scenario, line.faults]));
  const results = new Map();
  for (const file of globSync(`${cwd}/results/**/checks.json`)) {
    const scenario = relative(`${cwd}/results`, dirname(file)).replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, "");
    results.set(scenario, verdict(JSON.parse(readFileSync(file, "utf8")), faults.get(scenario)));
  }
  return results;
}

function verdict(checks, faults = ["it did not say how it ended"]) {
  const bad = checks.filter(({ status, name }) => status === "FAILURE" || status === "WARNING" || (status === "SKIPPED" && /_(resources|prompts)_/.test(name)));
  const told = bad.map(({ id, name, status, errorMessage, description }) => `${id}${name === id ? "" : ` (${name})`}, ${status.toLowerCase()}: ${errorMessage ?? description}`);
  return {
    good: checks.filter(({ status }) => status === "SUCCESS").length,
    warnings: checks.filter(({ status }) => status === "WARNING").length,
    told: [...told, ...faults.map((text) => `the driver: ${text}`)],
  };
}

const required = new Map();
async function requiredBy(wire) {
  if (!required.has(wire)) {
    const text = await suite(["list", "--client", "--requirements", wire], folder);
    const [, list] = text.match(/^Client scenarios.*\n((?: {2}- .*\n)+)/m) ?? [];
    required.set(wire, list?.match(/(?<=- )\S+/g) ?? []);
  }
  return required.get(wire);
}

function unscored(leg, scenario, { good, told }) {
  const what = told.length ? `FAILS: ${told[0].slice(0, 200)}` : good ? "passes" : "was not reached";
  console.log(`not scored, ${leg}: ${scenario} ${what}`);
}

for (const [era, wire] of LEGS) {
  const leg = `${era} driver, wire ${wire}`;
  const [wanted, results] = [await requiredBy(wire), await run(`${era}-${wire}`, era, ["--requirements", wire])];
  let [passed, warnings] = [0, 0];
  const told = [];
  for (const scenario of wanted) {
    const result = results.get(scenario) ?? { told: ["it did not run"], warnings: 0 };
    warnings += result.warnings;
    if (result.told.length === 0) passed++;
    told.push(...result.told.slice(0, SHOWN).map((text) => `${scenario}: ${text}`));
    if (result.told.length > SHOWN) told.push(`${scenario}: and ${result.told.length - SHOWN} more`);
  }
  const good = passed === wanted.length && passed > 0;
  console.log(`${good ? "ok" : "FAILED"} ${leg}: ${passed} of ${wanted.length}, ${warnings} warnings`);
  for (const text of told) console.log(`    ${text.slice(0, 400)}`);
  for (const [scenario, result] of results) if (!wanted.includes(scenario)) unscored(leg, scenario, result);
}
for (const era of new Set(LEGS.map(([era]) => era))) {
  for (const scenario of OTHERS) {
    const results = await run(`${era}-${scenario.replace("/", "-")}`, era, ["--scenario", scenario]);
    unscored(`${era} driver`, scenario, results.get(scenario) ?? { told: ["it did not run"] });
  }
}
