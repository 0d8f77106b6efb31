// A real authorization server, npm's oidc-provider, in front of a real MCP server.
//
// usage: node provider.mjs MCP_URL LOG        (PEERS: where the npm packages are; ACCESS_TTL: seconds an access token lasts)
//
// Prints one line of JSON, {"issuer": …, "mcp": …}, when both listen. The protected URL takes a bearer token, which it shows to the
// provider's introspection endpoint (RFC 7662), and passes everything else on to MCP_URL. LOG gets one line of JSON for each request that
// the provider answers: the endpoint, the status, and those parameters that are no secret.

import { appendFileSync } from "node:fs";
import http from "node:http";

const [upstream, log] = process.argv.slice(2);
const { Provider } = await import(`${process.env.PEERS}/node_modules/oidc-provider/lib/index.js`);
const ACCESS_TTL = Number(process.env.ACCESS_TTL || 3600);
const GUARD = { client_id: "guard", client_secret: "guard-secret-of-the-introspection-client" };

const listening = async (server) => {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${server.address().port}`;
};

// The issuer has its port in it, so the port comes first.
const front = http.createServer((request, response) => provider.callback()(request, response));
const guard = http.createServer((request, response) => protect(request, response).catch((error) => {
  console.error(error);
  response.writeHead(502).end();
}));
const issuer = await listening(front);
const origin = await listening(guard);
const resource = `${origin}/mcp`;
const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;

const provider = new Provider(issuer, {
  clients: [{ ...GUARD, grant_types: [], response_types: [], redirect_uris: [], introspection_endpoint_auth_method: "client_secret_basic" }],
  cookies: { keys: ["interop"] },
  scopes: ["openid", "offline_access"],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  features: {
    registration: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo(_context, asked) {
        if (asked !== resource) throw new errors.InvalidTarget();
        return { scope: "mcp:tools", audience: resource, accessTokenTTL: ACCESS_TTL, accessTokenFormat: "opaque" };
      },
    },
  },
});
const { errors } = await import(`${process.env.PEERS}/node_modules/oidc-provider/lib/index.js`);

const SHOWN = ["grant_type", "resource", "scope", "prompt", "code_challenge_method", "response_type", "redirect_uri", "application_type",
  "grant_types", "redirect_uris", "token_endpoint_auth_method", "token_type_hint"];
provider.use(async (context, next) => {
  await next();
  const said = { ...context.oidc?.params, ...(context.oidc?.route === "registration" ? context.oidc?.body : {}) };
  const shown = Object.fromEntries(SHOWN.filter((name) => said[name] !== undefined).map((name) => [name, said[name]]));
  const back = context.response.get("location") ?? "";
  const entry = {
    at: Date.now(), route: context.oidc?.route ?? context.path, method: context.method, status: context.status, ...shown,
    state: said.state !== undefined, error: context.body?.error, iss: /[?&]iss=/.test(back), code: /[?&]code=/.test(back),
  };
  appendFileSync(log, `${JSON.stringify(entry)}\n`);
});
provider.on("server_error", (_context, error) => console.error(error));

async function active(token) {
  const basic = Buffer.from(`${GUARD.client_id}:${GUARD.client_secret}`).toString("base64");
  const answer = await fetch(`${issuer}/token/introspection`, {
    method: "POST",
    headers: { authorization: `Basic ${basic}`, "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ token }),
  });
  const said = await answer.json();
  return said.active === true && said.aud === resource && said.token_type === "Bearer";
}

async function protect(request, response) {
  if (request.url.startsWith("/.well-known/oauth-protected-resource")) {
    // Only at the path form (RFC 9728, section 3.1).
    if (`${origin}${request.url}` !== metadata) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": "application/json" });
    const scopes_supported = ["mcp:tools", "offline_access"];
    return void response.end(JSON.stringify({ resource, authorization_servers: [issuer], scopes_supported, bearer_methods_supported: ["header"] }));
  }
  if (new URL(request.url, origin).pathname !== "/mcp") return void response.writeHead(404).end();
  const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (!token || !(await active(token))) {
    const error = token ? 'error="invalid_token", ' : "";
    response.writeHead(401, { "www-authenticate": `Bearer ${error}resource_metadata="${metadata}"` });
    return void response.end();
  }
  const { authorization, host, ...headers } = request.headers;
  const to = new URL(upstream);
  const passed = http.request({ host: to.hostname, port: to.port, path: to.pathname, method: request.method, headers: { ...headers, host: to.host } }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    response.flushHeaders();
    answer.pipe(response);
  });
  passed.on("error", () => response.destroy());
  response.on("close", () => passed.destroy());
  request.pipe(passed);
}

console.log(JSON.stringify({ issuer, mcp: resource }));
