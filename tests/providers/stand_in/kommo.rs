//! A stand-in for Kommo, not Kommo: its API v4 and its token endpoint, as far as our tools go.
//!
//! Built from what the vendor documents: developers.kommo.com/docs/oauth-20 (JSON token body, the
//! old refresh token works until the new one was used), /docs/limitations (7 a second, 429), and
//! its SDK amocrm/amocrm-api-php@1354d8a7 (paths, filters, HAL pages, 204 for nothing,
//! `application/problem+json` with `validation-errors`).

use super::{Said, Seen, Site};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub const CLIENT_ID: &str = "b9f6c2a0-0000-4000-8000-000000000001";
pub const CLIENT_SECRET: &str = "kommo-client-secret-canary";
pub const CODE: &str = "def50200kommo-code-canary";
/// A long-lived token.
pub const TOKEN: &str = "kommo-long-lived-canary";

pub struct Kommo {
    pub site: Site,
    state: Arc<Mutex<State>>,
}

struct State {
    leads: Vec<Value>,
    /// Access tokens that are taken.
    access: Vec<String>,
    /// The refresh tokens that are taken: the old one stays until the new one is used.
    refresh: Vec<String>,
    count: u32,
    code: Option<String>,
    redirect_uri: String,
    /// The host that the consent names; its own where nothing is said.
    referer: Option<String>,
}

impl Kommo {
    /// With `leads` leads, named `lead 1` and so on.
    pub fn start(leads: usize, redirect_uri: &str) -> Self {
        let lead = |id: usize| {
            json!({
                "id": id, "name": format!("lead {id}"), "price": 100 * id, "status_id": 142, "pipeline_id": 7,
                "responsible_user_id": 1, "group_id": 0, "score": null, "account_id": 99, "is_deleted": false,
                "created_at": 1_700_000_000, "updated_at": 1_700_000_001, "custom_fields_values": null,
                "_links": { "self": { "href": format!("https://example.kommo.com/api/v4/leads/{id}?page=1&limit=250") } },
                "_embedded": { "tags": [{ "id": 3, "name": "vip", "_links": {} }], "companies": [] },
            })
        };
        let state = Arc::new(Mutex::new(State {
            leads: (1..=leads).map(lead).collect(),
            access: vec![TOKEN.to_owned()],
            refresh: Vec::new(),
            count: 0,
            code: Some(CODE.to_owned()),
            redirect_uri: redirect_uri.to_owned(),
            referer: None,
        }));
        let shared = Arc::clone(&state);
        Self { site: Site::serve(move |seen| shared.lock().unwrap().answer(seen)), state }
    }

    pub fn base(&self) -> String {
        format!("{}/api/v4", self.site.origin())
    }

    /// The user takes the integration's rights away: nothing of it is taken any more.
    pub fn revoke(&self) {
        let mut state = self.state.lock().unwrap();
        state.access.clear();
        state.refresh.clear();
    }

    /// Somebody has made another long-lived token.
    pub fn admit(&self, token: &str) {
        self.state.lock().unwrap().access.push(token.to_owned());
    }

    /// The user chooses an account of this host at the consent.
    pub fn chooses(&self, host: &str) {
        self.state.lock().unwrap().referer = Some(host.to_owned());
    }

    /// The bodies of all requests for tokens.
    pub fn exchanges(&self) -> Vec<Value> {
        let seen = self.site.seen();
        let all = seen.iter().filter(|one| one.path == "/oauth2/access_token");
        all.filter_map(Seen::json).collect()
    }

    /// Every access token ends now.
    pub fn expire(&self) {
        self.state.lock().unwrap().access.clear();
    }

    /// 429 as it is documented: not JSON.
    pub fn too_many(&self) {
        self.site.then(Said::new(429, "text/html", "<html><h1>429 Too Many Requests</h1></html>"));
    }

    pub fn unpaid(&self) {
        self.site.then(problem(402, "Payment Required", "Account not paid", None));
    }

    /// The next request is refused in the API's own form.
    pub fn says(&self, status: u16, detail: &str) {
        self.site.then(problem(status, "Refused", detail, None));
    }

    /// The IP address is blocked: not the API's own form.
    pub fn blocked(&self) {
        self.site.then(Said::new(403, "text/html", "<html>403 Forbidden</html>"));
    }
}

fn problem(status: u16, title: &str, detail: &str, errors: Option<Value>) -> Said {
    let mut body = json!({
        "title": title, "type": "https://httpstatus.es/", "status": status, "detail": detail,
    });
    if let Some(errors) = errors {
        body["validation-errors"] = errors;
    }
    Said::new(status, "application/problem+json", body.to_string())
}

/// As users have met it (amocrm/amocrm-api-php, issues 123 and 315); there is no `error` in it.
fn revoked(hint: &str) -> Said {
    let body = json!({
        "hint": hint, "title": "Bad Request", "type": "https://developers.kommo.com/v3/errors/OAuthProblemJson",
        "status": 401, "detail": "The request lacks parameters or has invalid ones",
    });
    Said::new(401, "application/problem+json", body.to_string())
}

fn has_id(lead: &Value, id: &str) -> bool {
    lead["id"].as_u64().is_some_and(|own| id.parse() == Ok(own))
}

fn hal(status: u16, body: &Value) -> Said {
    Said::new(status, "application/hal+json", body.to_string())
}

impl State {
    fn answer(&mut self, seen: &Seen) -> Said {
        let parts = seen.parts();
        match (seen.method.as_str(), parts.as_slice()) {
            ("GET", ["oauth"]) => self.consent(seen),
            ("POST", ["oauth2", "access_token"]) => self.token(seen),
            (_, ["api", "v4", rest @ ..]) => self.api(seen, rest),
            _ => problem(404, "Not Found", "Page not found", None),
        }
    }

    /// The user agrees at once: back to the integration's own redirect URI, whatever was asked.
    fn consent(&mut self, seen: &Seen) -> Said {
        if seen.asked("client_id") != Some(CLIENT_ID) {
            return Said::new(404, "text/html", "<html>no such integration</html>");
        }
        self.code = Some(CODE.to_owned());
        let own = seen.header("host").and_then(|host| host.split(':').next()).unwrap_or_default();
        let referer = self.referer.as_deref().unwrap_or(own);
        let mut back = url::Url::parse(&self.redirect_uri).unwrap();
        back.query_pairs_mut()
            .append_pair("code", CODE)
            .append_pair("state", seen.asked("state").unwrap_or_default())
            .append_pair("referer", referer);
        Said { status: 302, headers: vec![("location", back.into())], body: String::new() }
    }

    fn token(&mut self, seen: &Seen) -> Said {
        let bad = |hint: &str| {
            let body = json!({
                "hint": hint, "title": "Bad Request", "type": "https://developers.kommo.com",
                "status": 400, "detail": "Check the request",
            });
            Said::new(400, "application/problem+json", body.to_string())
        };
        if seen.header("content-type").is_none_or(|kind| !kind.starts_with("application/json")) {
            return bad("The request has to be JSON");
        }
        let Some(body) = seen.json() else { return bad("The request has to be JSON") };
        if body["client_id"] != CLIENT_ID || body["client_secret"] != CLIENT_SECRET {
            return Said::json(401, &json!({ "hint": "client not found", "status": 401 }));
        }
        if body["redirect_uri"] != self.redirect_uri.as_str() {
            return bad("Redirect URI is not the integration's");
        }
        match body["grant_type"].as_str() {
            Some("authorization_code") => {
                // Once, and within 20 minutes.
                if body["code"].as_str() != self.code.take().as_deref() {
                    return revoked("Authorization code has been revoked");
                }
            }
            Some("refresh_token") => {
                let token = body["refresh_token"].as_str().unwrap_or_default();
                let Some(at) = self.refresh.iter().position(|one| one == token) else {
                    return revoked("Token has been revoked");
                };
                // Using it ends those before it.
                self.refresh.drain(..at);
            }
            _ => return bad("unsupported_grant_type"),
        }
        self.count += 1;
        let access = format!("kommo-access-canary-{}", self.count);
        let refresh = format!("kommo-refresh-canary-{}", self.count);
        self.access.push(access.clone());
        self.refresh.push(refresh.clone());
        Said::json(
            200,
            &json!({
                "token_type": "Bearer", "expires_in": 86400, "access_token": access, "refresh_token": refresh,
            }),
        )
    }

    fn api(&mut self, seen: &Seen, path: &[&str]) -> Said {
        let token = seen.bearer().unwrap_or_default();
        if !self.access.iter().any(|one| one == token) {
            // It repeats what it was sent: nothing of that may get out.
            let detail = format!("Incorrect login credentials: Bearer {token}");
            return problem(401, "Unauthorized", &detail, None);
        }
        match (seen.method.as_str(), path) {
            ("GET", ["account"]) => hal(
                200,
                &json!({ "id": 99, "name": "Acme Sales", "subdomain": "example", "_links": {} }),
            ),
            ("GET", ["leads"]) => self.leads(seen),
            ("GET", ["leads", "pipelines"]) => hal(
                200,
                &json!({ "_total_items": 1, "_embedded": { "pipelines": [{
                    "id": 7, "name": "Sales", "_links": {}, "_embedded": { "statuses": [{ "id": 142, "name": "Won" }] },
                }] } }),
            ),
            ("GET", ["leads", id]) => match self.leads.iter().find(|it| has_id(it, id)) {
                Some(lead) => hal(200, lead),
                None => Said::nothing(),
            },
            ("POST", ["leads"]) => self.create(seen),
            ("PATCH", ["leads", id]) => {
                let change = seen.json().unwrap_or_default();
                let found = self.leads.iter_mut().find(|it| has_id(it, id));
                let (Some(lead), Some(change)) = (found, change.as_object()) else {
                    return problem(400, "Bad Request", "Element not found", None);
                };
                for (key, value) in change {
                    lead[key] = value.clone();
                }
                hal(200, &json!({ "id": lead["id"], "updated_at": 1_700_000_002, "_links": {} }))
            }
            ("POST", ["leads", id, "notes"]) if seen.json().is_some_and(|it| it.is_array()) => {
                let note =
                    json!({ "id": 5, "entity_id": id.parse::<u64>().unwrap_or(0), "_links": {} });
                hal(200, &json!({ "_embedded": { "notes": [note] } }))
            }
            ("POST", ["leads", _, "unlink"]) | ("GET", ["events"]) => Said::nothing(),
            ("DELETE", ["leads", "unsorted", uid, "decline"]) => {
                hal(200, &json!({ "uid": uid, "result": { "leads": [] }, "_links": {} }))
            }
            _ => problem(404, "Not Found", "Page not found", None),
        }
    }

    fn leads(&self, seen: &Seen) -> Said {
        let limit = seen.number("limit", 50);
        if limit > 250 {
            let wrong = json!([{ "request_id": "limit", "errors": [{ "code": "TooHigh", "path": "limit", "detail": "limit is too high" }] }]);
            return problem(400, "Bad Request", "Request validation failed", Some(wrong));
        }
        let page = seen.number("page", 1);
        let query = seen.asked("query").unwrap_or_default();
        let has = |it: &&Value| it["name"].as_str().is_some_and(|name| name.contains(query));
        let all: Vec<&Value> = self.leads.iter().filter(has).collect();
        let from = (page - 1) * limit;
        let part: Vec<&&Value> = all.iter().skip(from).take(limit).collect();
        if part.is_empty() {
            return Said::nothing();
        }
        let mut links = json!({ "self": { "href": "https://example.kommo.com/api/v4/leads" } });
        if from + limit < all.len() {
            links["next"] = json!({ "href": format!("https://example.kommo.com/api/v4/leads?page={}", page + 1) });
        }
        hal(200, &json!({ "_page": page, "_links": links, "_embedded": { "leads": part } }))
    }

    fn create(&mut self, seen: &Seen) -> Said {
        let Some(Value::Array(new)) = seen.json() else {
            return problem(400, "Bad Request", "Array expected", None);
        };
        let mut made = Vec::new();
        for (i, mut lead) in new.into_iter().enumerate() {
            if lead["pipeline_id"] == 999 {
                let wrong = json!([{ "request_id": i.to_string(), "errors": [
                    { "code": "NotSupportedChoice", "path": "pipeline_id", "detail": "The value you selected is not a valid choice." },
                ] }]);
                return problem(400, "Bad Request", "Request validation failed", Some(wrong));
            }
            let id = self.leads.len() + 1;
            lead["id"] = id.into();
            made.push(json!({ "id": id, "request_id": i.to_string(), "_links": { "self": {} } }));
            self.leads.push(lead);
        }
        hal(200, &json!({ "_links": {}, "_embedded": { "leads": made } }))
    }
}
