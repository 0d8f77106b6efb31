//! A stand-in for YouGile, not YouGile: its API v2 and how a key is made.
//!
//! Built from the vendor's own description of its API, as `yougile-mcp` 0.21.3 carries it
//! (`yougile_mcp/data/openapi.json`): paths, bodies, `paging.next`, and the 401, 403 and 429 that it
//! lists. The texts of the errors are those of its framework and may be others in life.

use super::{Said, Seen, Site};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub const LOGIN: &str = "ann@example.com";
pub const PASSWORD: &str = "yougile-password-canary";
pub const KEY: &str = "yougile-key-canary-0";

pub struct YouGile {
    pub site: Site,
    keys: Arc<Mutex<Vec<String>>>,
}

impl YouGile {
    /// With `tasks` tasks.
    pub fn start(tasks: usize) -> Self {
        let keys = Arc::new(Mutex::new(vec![KEY.to_owned()]));
        let shared = Arc::clone(&keys);
        Self {
            site: Site::serve(move |seen| answer(seen, tasks, &mut shared.lock().unwrap())),
            keys,
        }
    }

    pub fn base(&self) -> String {
        format!("{}/api-v2", self.site.origin())
    }

    /// The keys that are taken now.
    pub fn keys(&self) -> Vec<String> {
        self.keys.lock().unwrap().clone()
    }

    /// Somebody has made another key.
    pub fn admit(&self, key: &str) {
        self.keys.lock().unwrap().push(key.to_owned());
    }

    /// The owner takes all keys back.
    pub fn drop_keys(&self) {
        self.keys.lock().unwrap().clear();
    }

    pub fn too_many(&self) {
        self.site.then(error(429, "Too Many Requests", "ThrottlerException: Too Many Requests"));
    }
}

fn error(status: u16, error: &str, message: &str) -> Said {
    Said::json(status, &json!({ "statusCode": status, "error": error, "message": message }))
}

fn answer(seen: &Seen, tasks: usize, keys: &mut Vec<String>) -> Said {
    let parts = seen.parts();
    let ["api-v2", path @ ..] = parts.as_slice() else {
        return error(404, "Not Found", "Cannot find it");
    };
    let body = seen.json().unwrap_or_default();
    match (seen.method.as_str(), path) {
        ("POST", ["auth", ..]) => return auth(path, &body, keys),
        ("DELETE", ["auth", "keys", key]) => {
            keys.retain(|one| one != key);
            return Said::json(200, &json!({}));
        }
        _ => {}
    }
    let key = seen.bearer().unwrap_or_default();
    if !keys.iter().any(|one| one == key) {
        return error(401, "Unauthorized", &format!("Invalid key {key}"));
    }
    match (seen.method.as_str(), path) {
        ("GET", ["users", "me"]) => {
            Said::json(200, &json!({ "id": "u1", "realName": "Ann Lee", "email": LOGIN }))
        }
        ("GET", ["task-list"]) => {
            let (limit, offset) = (seen.number("limit", 50), seen.number("offset", 0));
            let part: Vec<Value> = (offset..tasks.min(offset + limit)).map(task).collect();
            let paging = json!({
                "count": part.len(), "limit": limit, "offset": offset, "next": offset + limit < tasks,
            });
            Said::json(200, &json!({ "paging": paging, "content": part }))
        }
        ("GET", ["tasks", id]) if *id == "t1" => {
            Said::json(200, &json!({ "id": id, "title": "task 1", "description": "<p>x</p>" }))
        }
        ("GET", ["projects"]) => Said::json(
            200,
            &json!({ "paging": { "count": 1, "limit": 50, "offset": 0, "next": false },
                "content": [{ "id": "p1", "title": "Site", "timestamp": 1, "users": { "u1": "admin" } }] }),
        ),
        ("POST", ["tasks"]) => match body["title"].as_str() {
            Some(_) => Said::json(201, &json!({ "id": "t-new" })),
            None => Said::json(
                400,
                &json!({ "statusCode": 400, "message": ["title must be a string"], "error": "Bad Request" }),
            ),
        },
        ("PUT", ["tasks", id]) => Said::json(200, &json!({ "id": id })),
        _ => error(404, "Not Found", "Cannot find it"),
    }
}

fn task(id: usize) -> Value {
    json!({ "id": format!("t{id}"), "title": format!("task {id}"), "timestamp": 1_653_029_146_646_u64 + id as u64, "apiData": {} })
}

fn auth(path: &[&str], body: &Value, keys: &mut Vec<String>) -> Said {
    if body["login"] != LOGIN || body["password"] != PASSWORD {
        return error(401, "Unauthorized", "Wrong login or password");
    }
    match path {
        ["auth", "companies"] => {
            let all = json!([
                { "id": "c1", "name": "Acme", "isAdmin": true },
                { "id": "c2", "name": "Other", "isAdmin": false },
            ]);
            let paging = json!({ "count": 2, "limit": 50, "offset": 0, "next": false });
            Said::json(200, &json!({ "paging": paging, "content": all }))
        }
        ["auth", "keys"] if body["companyId"].is_string() => {
            let key = format!("yougile-key-canary-{}", keys.len());
            keys.push(key.clone());
            Said::json(201, &json!({ "key": key }))
        }
        _ => error(400, "Bad Request", "companyId must be a string"),
    }
}
