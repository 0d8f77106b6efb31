// A stand-in for the races: an authorization server that is as strict as the strictest (a refresh token that comes twice ends the session),
// is slow, counts everything, and can refuse what it gave out; and the MCP server that it protects. One process has many of them, each
// under a path of its own and independent of the others: `site("x")` is the issuer ORIGIN/x and the MCP server ORIGIN/x/mcp.

import { createHash, randomBytes } from "node:crypto";
import http from "node:http";

const token = (kind) => `race-${kind}-${randomBytes(24).toString("base64url")}`;
const hash = (text) => createHash("sha256").update(text).digest("base64url");
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

class Site {
  constructor(origin, name) {
    Object.assign(this, { origin, name, issuer: `${origin}/${name}`, mcp: `${origin}/${name}/mcp` });
    this.life = 3600;       // seconds an access token lasts
    this.latency = 0;       // ms before the token endpoint does its work
    this.forgives = false;  // the last refresh token works until its successor was used
    this.hold = null;       // called instead of sending the second half of a renewal's answer
    this.clients = new Set();
    this.codes = new Map();
    this.access = new Map();   // token → ms it ends
    this.refresh = new Map();  // token → {used, spent}; all of one family
    this.dead = false;
    this.counts = { registrations: 0, tabs: 0, seen: 0, ok: 0, invalid: 0, replied: 0, calls: 0 };
    this.sent = new Map();     // hash of a refresh token → how often it came
    this.latest = 0;           // when somebody asked for anything
    this.afterDeath = 0;       // how often one came that had got invalid_grant
    this.refused = new Set();
  }

  rejectNow() {
    this.access.clear();
  }

  pair(before) {
    const access_token = token("at");
    const refresh_token = token("rt");
    this.access.set(access_token, Date.now() + this.life * 1000);
    this.refresh.set(refresh_token, { before, spent: false });
    return { access_token, refresh_token, token_type: "Bearer", expires_in: this.life, scope: "mcp" };
  }

  register(body) {
    const { redirect_uris } = JSON.parse(body);
    const client_id = token("client");
    this.clients.add(client_id);
    this.counts.registrations++;
    return [201, { client_id, redirect_uris, token_endpoint_auth_method: "none", grant_types: ["authorization_code", "refresh_token"] }];
  }

  authorize(query, response) {
    this.counts.tabs++;
    const back = new URL(query.get("redirect_uri"));
    const known = this.clients.has(query.get("client_id")) && query.get("code_challenge_method") === "S256" && query.get("resource") === this.mcp;
    if (!known || back.hostname !== "127.0.0.1") return void response.writeHead(400).end();
    const code = token("code");
    this.codes.set(code, { challenge: query.get("code_challenge"), client: query.get("client_id"), back: query.get("redirect_uri") });
    back.searchParams.set("code", code);
    back.searchParams.set("state", query.get("state"));
    back.searchParams.set("iss", this.issuer);
    response.writeHead(302, { location: back.href }).end();
  }

  async token(form, request, response) {
    const error = (code) => {
      if (form.get("grant_type") === "refresh_token" && code === "invalid_grant") this.counts.invalid++;
      response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error: code }));
    };
    let gone = false;
    response.on("close", () => { gone = !response.writableFinished; });
    if (!this.clients.has(form.get("client_id"))) return error("invalid_client");
    if (form.get("resource") !== this.mcp) return error("invalid_target");
    if (form.get("grant_type") === "authorization_code") {
      const code = this.codes.get(form.get("code"));
      this.codes.delete(form.get("code"));
      const fits = code && code.client === form.get("client_id") && code.back === form.get("redirect_uri") && hash(form.get("code_verifier") ?? "") === code.challenge;
      if (!fits) return error("invalid_grant");
      // A new consent begins a family of its own.
      this.dead = false;
      this.refresh.clear();
      return this.reply(response, this.pair());
    }
    if (form.get("grant_type") !== "refresh_token") return error("unsupported_grant_type");
    const given = form.get("refresh_token");
    this.counts.seen++;
    this.sent.set(hash(given), (this.sent.get(hash(given)) ?? 0) + 1);
    if (this.refused.has(given)) this.afterDeath++;
    await wait(this.latency);
    // Who asked died before anything was done: as with a proxy that ends its request then.
    if (gone) return;
    const family = this.refresh.get(given);
    if (!family || this.dead || (family.spent && !(this.forgives && family.grace))) {
      // Reuse: all that came of that sign-in ends.
      if (family) {
        this.dead = true;
        this.access.clear();
      }
      this.refused.add(given);
      return error("invalid_grant");
    }
    const before = this.refresh.get(family.before);
    if (before) before.grace = false;
    Object.assign(family, { spent: true, grace: true });
    this.counts.ok++;
    this.reply(response, this.pair(given), true);
  }

  reply(response, pair, renewed) {
    const body = JSON.stringify(pair);
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body), "cache-control": "no-store" });
    if (this.hold && renewed) {
      response.write(body.slice(0, body.length / 2));
      return this.hold();
    }
    response.end(body, () => { this.counts.replied += renewed ? 1 : 0; });
  }

  call(body, request, response) {
    const ends = this.access.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1]);
    if (!ends || ends < Date.now()) {
      const where = `${this.origin}/.well-known/oauth-protected-resource/${this.name}/mcp`;
      return void response.writeHead(401, { "www-authenticate": `Bearer resource_metadata="${where}"` }).end();
    }
    if (request.method !== "POST") return void response.writeHead(405).end();
    const { id, method, params } = JSON.parse(body);
    if (id === undefined) return void response.writeHead(202).end();
    const answers = {
      initialize: () => ({ protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "strict", version: "1" } }),
      ping: () => ({}),
      "tools/list": () => ({ tools: [{ name: "echo", description: "Says it again.", inputSchema: { type: "object", properties: { message: { type: "string" } } } }] }),
      "tools/call": () => ({ content: [{ type: "text", text: `Echo: ${params.arguments?.message}` }] }),
    };
    if (method === "tools/call") this.counts.calls++;
    const said = answers[method] ? { result: answers[method]() } : { error: { code: -32601, message: "Method not found" } };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, ...said }));
  }

  answer(path, body, request, response) {
    this.latest = Date.now();
    const json = ([status, value]) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    const { searchParams } = new URL(request.url, this.origin);
    if (path === "mcp") return this.call(body, request, response);
    if (path === "register") return json(this.register(body));
    if (path === "authorize") return this.authorize(searchParams, response);
    if (path === "token") return this.token(new URLSearchParams(body), request, response);
    if (path === "oauth-protected-resource") {
      return json([200, { resource: this.mcp, authorization_servers: [this.issuer], scopes_supported: ["mcp"] }]);
    }
    if (path === "oauth-authorization-server") {
      const at = (name) => `${this.issuer}/${name}`;
      return json([200, {
        issuer: this.issuer, authorization_endpoint: at("authorize"), token_endpoint: at("token"), registration_endpoint: at("register"),
        response_types_supported: ["code"], grant_types_supported: ["authorization_code", "refresh_token"], scopes_supported: ["mcp"],
        code_challenge_methods_supported: ["S256"], token_endpoint_auth_methods_supported: ["none"], authorization_response_iss_parameter_supported: true,
      }]);
    }
    response.writeHead(404).end();
  }
}

// Starts it: `{ site(name) }`.
export async function strict() {
  const sites = new Map();
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    const { pathname } = new URL(request.url, "http://x");
    const [, first, second] = /^\/\.well-known\/(oauth-protected-resource|oauth-authorization-server)\/([^/]+)/.exec(pathname) ?? [];
    const [, name, path] = first ? [0, second, first] : /^\/([^/]+)\/([^/]+)$/.exec(pathname) ?? [];
    const site = sites.get(name);
    if (site) site.answer(path, body, request, response);
    else response.writeHead(404).end();
  });
  server.on("clientError", (_error, socket) => socket.destroy());
  server.keepAliveTimeout = 300_000;
  await new Promise((done) => server.listen(0, "127.0.0.1", 4096, done));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    site(name) {
      const site = new Site(origin, name);
      sites.set(name, site);
      return site;
    },
  };
}
