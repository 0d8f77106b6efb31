// The client under test of the MCP conformance suite: allmcp between the suite's server and a client of one era.
//
// usage: node driver.mjs URL     (ALLMCP: the program; DRIVER: legacy or modern; REPORT: a file that gets a line of JSON; MCP_CONFORMANCE_… come from the suite)
//
// Connects a new home to URL, starts `allmcp serve` and uses all it offers, as a user at a desktop would: every sign-in is agreed to.
// Exits with 0 when all of that worked, or was refused where it has to be. What it did is on stderr.

import { spawn } from "node:child_process";
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";

const url = process.argv.at(-1);
const { ALLMCP, PATH, DRIVER = "legacy", MCP_CONFORMANCE_SCENARIO: scenario = "" } = process.env;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
const NEWEST = "2026-07-28";
const NEWEST_LEGACY = "2025-11-25";
const PREFIX = "c__";
const METADATA = "https://conformance-test.local/client-metadata.json";
const WATCHDOG = 35_000;
const SIGN_INS = 3; // for one request
const ROUNDS = 10; // of input for one request
const CAPABILITIES = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };
const CLIENT = { name: "conformance-driver", version: "1.0.0" };

// A server that must not be connected, or that never has enough.
const REFUSED = new Set(
  ["resource-mismatch", "iss-supported-missing", "iss-wrong-issuer", "iss-unexpected", "iss-normalized", "metadata-issuer-mismatch", "scope-retry-limit"].map(
    (name) => `auth/${name}`,
  ),
);
// Its server lists a tool and does not have it.
const LIST_ONLY = "json-schema-ref-no-deref";

const began = Date.now();
const say = (...words) => console.error(`${String(Date.now() - began).padStart(6)} ms`, ...words);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const short = (value) => String(JSON.stringify(value)).slice(0, 700);

const home = mkdtempSync(`${tmpdir()}/driver-`);
const children = new Set();
const faults = [];
function fault(text) {
  say("FAULT", text);
  faults.push(text);
}

// --- the browser, whose user agrees to everything ---

const tabs = `${home}/tabs`;
writeFileSync(tabs, "");
writeFileSync(`${home}/browser`, `#!/bin/sh\nprintf '%s\\n' "$1" >>'${tabs}'\n`);
chmodSync(`${home}/browser`, 0o755);
let opened = 0;
setInterval(() => {
  const lines = readFileSync(tabs, "utf8").split("\n").slice(0, -1);
  for (; opened < lines.length; opened++) visit(lines[opened]);
}, 30).unref();

// Follows a link to where it ends.
async function visit(link) {
  try {
    let next = link;
    for (let hop = 0; next && hop < 10; hop++) {
      const answer = await fetch(next, { redirect: "manual", signal: AbortSignal.timeout(20_000) });
      await answer.arrayBuffer();
      say("browser:", answer.status, next);
      const location = answer.headers.get("location");
      next = location && new URL(location, next).href;
    }
  } catch (error) {
    say("browser:", String(error.cause ?? error), link);
  }
}

// --- allmcp ---

function start(args, stdio) {
  const env = { PATH, LANG: "C.UTF-8", HOME: home, ALLMCP_HOME: `${home}/allmcp`, ALLMCP_STORE: "file", BROWSER: `${home}/browser`, NO_COLOR: "1" };
  const child = spawn(ALLMCP, args, { env, stdio });
  children.add(child);
  child.ended = new Promise((done) =>
    child.on("close", (code) => {
      children.delete(child);
      done(code);
    }),
  );
  child.stdin?.on("error", () => {});
  return child;
}

async function command(args, input = "") {
  const child = start(args, ["pipe", "pipe", "pipe"]);
  let text = "";
  let out = "";
  child.stdout.on("data", (piece) => (out += piece));
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (text += piece));
  child.stdin.end(input);
  const code = await child.ended;
  say(`allmcp ${args.join(" ")}: exit ${code}\n${text.trimEnd()}`);
  return { code, out };
}

async function connect() {
  const args = ["connect", url, "--name", "c", "--json", "--client-metadata-url", METADATA];
  if (scenario.startsWith("auth/client-credentials")) args.push("--auth", "client-credentials");
  if (context.client_id) args.push("--client-id", context.client_id);
  if (context.client_secret) args.push("--client-secret-stdin");
  if (context.private_key_pem) {
    writeFileSync(`${home}/key.pem`, context.private_key_pem, { mode: 0o600 });
    args.push("--secret-file", `private_key=${home}/key.pem`);
  }
  const { code } = await command(args, context.client_secret);
  if (code === 0) return true;
  fault(`connect: exit ${code}`);
  // Where the connection was kept all the same, its user goes on.
  const { out } = await command(["list", "--json"]);
  return JSON.parse(out || "{}").connections?.some(({ name }) => name === "c");
}

// --- one MCP client over stdio ---

class Client {
  constructor() {
    this.child = start(["serve"], ["pipe", "pipe", "pipe"]);
    this.last = 0;
    this.waiting = new Map();
    createInterface({ input: this.child.stdout }).on("line", (line) => this.hear(JSON.parse(line)));
    createInterface({ input: this.child.stderr }).on("line", (line) => say("serve:", line));
    this.child.ended.then((code) => this.waiting.forEach((done) => done({ error: { message: `serve ended with ${code}` } })));
  }

  hear(message) {
    const { id, method } = message;
    if (method === undefined) {
      const done = this.waiting.get(id);
      this.waiting.delete(id);
      if (done) return done(message);
      return fault(`an answer to nothing: ${short(message)}`);
    }
    say("<-", short(message));
    if (id === undefined) return;
    if (DRIVER === "modern") fault(`a server's request, which the newest era does not have: ${method}`);
    const result = input(method, message.params);
    this.send(result ? { id, result } : { id, error: { code: -32601, message: "Method not found" } });
  }

  send(message) {
    say("->", short(message));
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  once(method, params = {}) {
    const id = ++this.last;
    if (DRIVER === "modern") {
      const _meta = {
        "io.modelcontextprotocol/protocolVersion": NEWEST,
        "io.modelcontextprotocol/clientInfo": CLIENT,
        "io.modelcontextprotocol/clientCapabilities": CAPABILITIES,
      };
      params = { ...params, _meta };
    }
    return new Promise((done) => {
      this.waiting.set(id, (answer) => {
        say("<-", short(answer));
        done(answer);
      });
      this.send({ id, method, params });
    });
  }

  // A request with all that its answer asks for: input, and a sign-in.
  async request(method, params = {}) {
    let signIns = 0;
    let rounds = 0;
    let extra = {};
    for (;;) {
      const answer = await this.once(method, { ...params, ...extra });
      const { result } = answer;
      if (DRIVER === "modern" && result && result.resultType === undefined) fault(`${method}: a result without resultType`);
      if (result?.resultType === "input_required") {
        if (DRIVER === "legacy") fault(`${method}: input_required, which the older eras do not have`);
        if (++rounds > ROUNDS) return { error: { message: `more than ${ROUNDS} rounds of input` } };
        extra = {};
        if (result.inputRequests) {
          extra.inputResponses = {};
          for (const [key, asked] of Object.entries(result.inputRequests)) extra.inputResponses[key] = input(asked.method, asked.params);
        }
        if (result.requestState !== undefined) extra.requestState = result.requestState;
        continue;
      }
      const link = wanted(answer);
      if (!link) return answer;
      if (++signIns > SIGN_INS) return { error: { message: `a sign-in is wanted after ${SIGN_INS}` } };
      await visit(link);
      extra = {};
    }
  }

  async open() {
    if (DRIVER === "modern") {
      const { result, error } = await this.once("server/discover");
      if (!result?.supportedVersions?.includes(NEWEST)) throw new Error(`server/discover: ${short(error ?? result)}`);
      // Its answer comes when the stream ends.
      const notifications = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
      this.once("subscriptions/listen", { notifications });
      return result.capabilities;
    }
    const { result, error } = await this.once("initialize", { protocolVersion: NEWEST_LEGACY, capabilities: CAPABILITIES, clientInfo: CLIENT });
    if (result?.protocolVersion !== NEWEST_LEGACY) throw new Error(`initialize: ${short(error ?? result)}`);
    this.send({ method: "notifications/initialized" });
    return result.capabilities;
  }

  // The whole of a list.
  async list(method, key) {
    const all = [];
    let cursor;
    do {
      const { result, error } = await this.request(method, cursor === undefined ? {} : { cursor });
      if (error) {
        fault(`${method}: ${short(error)}`);
        break;
      }
      all.push(...result[key]);
      cursor = result.nextCursor;
    } while (cursor !== undefined);
    return all;
  }

  async use(method, params) {
    const { result, error } = await this.request(method, params);
    if (error) fault(`${method} ${params.name ?? params.uri}: ${short(error)}`);
    else if (result.isError) fault(`${method} ${params.name}: ${short(result.content)}`);
    return result;
  }

  async end() {
    this.child.stdin.end();
    const code = await Promise.race([this.child.ended, wait(5_000)]);
    if (code !== 0) fault(`serve ended with ${code} when its input did`);
  }
}

// The link by which the user may sign in, where the answer has one.
function wanted({ result, error }) {
  const key = "dev.allmcp/oauth_connect_required_mcps";
  const listed = result?._meta?.[key] ?? error?.data?._meta?.[key] ?? error?.data?.[key];
  return listed?.[0]?.connect_url ?? error?.data?.connect_url;
}

// What the client answers when a server asks: undefined to a method that it does not have.
function input(method, params) {
  switch (method) {
    case "elicitation/create":
      if (params.mode === "url") {
        visit(params.url);
        return { action: "accept" };
      }
      return { action: "accept", content: filled(params.requestedSchema, () => true) };
    case "sampling/createMessage":
      return { role: "assistant", content: { type: "text", text: "A sampled text." }, model: "conformance-driver", stopReason: "endTurn" };
    case "roots/list":
      return { roots: [{ uri: "file:///conformance", name: "conformance" }] };
    case "ping":
      return {};
  }
}

// An object by a schema: what it requires, and what `also` says.
function filled(schema = {}, also = () => false) {
  const object = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (schema.required?.includes(name) || also(name)) object[name] = value(property, schema);
  }
  return object;
}

function value(property, root) {
  if (property.$ref?.startsWith("#/")) {
    const path = property.$ref.slice(2).split("/");
    return value(path.reduce((node, step) => node?.[step], root) ?? {}, root);
  }
  if (property.default !== undefined) return property.default;
  if (property.const !== undefined) return property.const;
  if (property.enum) return property.enum[0];
  if (property.oneOf?.[0]?.const !== undefined) return property.oneOf[0].const;
  switch ([property.type].flat()[0]) {
    case "boolean":
      return true;
    case "integer":
    case "number":
      return property.minimum ?? 1;
    case "array":
      return [];
    case "object":
      return filled(property);
    case "null":
      return null;
    default:
      return "x";
  }
}

function argumentsFor(name, tool, tools) {
  if (name === "add_numbers") return { a: 2, b: 3 };
  // The suite compares what arrives here with what it sent.
  if (name === "json_schema_echo") return { schema: tools.find((other) => other.name === `${PREFIX}json_schema_2020_12_tool`)?.inputSchema };
  return filled(tool.inputSchema);
}

async function useAll(client) {
  const capabilities = await client.open();
  const ours = ({ name }) => name.startsWith(PREFIX);
  if (capabilities.tools) {
    const tools = (await client.list("tools/list", "tools")).filter(ours);
    say("tools:", tools.map(({ name }) => name).join(" "));
    const calls =
      context.toolCalls?.map(({ name, arguments: given }) => [PREFIX + name, given]) ??
      tools.map((tool) => [tool.name, argumentsFor(tool.name.slice(PREFIX.length), tool, tools)]);
    for (const [name, given] of scenario === LIST_ONLY ? [] : calls) await client.use("tools/call", { name, arguments: given });
  }
  if (capabilities.resources) {
    for (const { uri } of await client.list("resources/list", "resources")) await client.use("resources/read", { uri });
    await client.list("resources/templates/list", "resourceTemplates");
  }
  if (capabilities.prompts) {
    for (const { name, arguments: named = [] } of (await client.list("prompts/list", "prompts")).filter(ours)) {
      const given = Object.fromEntries(named.filter(({ required }) => required).map((argument) => [argument.name, "x"]));
      await client.use("prompts/get", { name, arguments: given });
    }
  }
  // Lists skills and loads none.
  if (capabilities.extensions?.["io.modelcontextprotocol/skills"]) await client.list("skills/list", "skills");
  await client.end();
}

async function finish() {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all([...children].map((child) => child.ended));
  rmSync(home, { recursive: true, force: true });
  if (process.env.REPORT) appendFileSync(process.env.REPORT, `${JSON.stringify({ scenario, faults })}\n`);
  process.exit(faults.length ? 1 : 0);
}

// The suite's own deadline ends only a shell.
setTimeout(() => {
  fault(`not done within ${WATCHDOG / 1000} s`);
  finish();
}, WATCHDOG);

try {
  if (await connect()) await useAll(new Client());
} catch (error) {
  fault(error.stack);
}
if (REFUSED.has(scenario)) {
  if (faults.splice(0).length === 0) fault("it connected, and had to refuse");
}
await finish();
