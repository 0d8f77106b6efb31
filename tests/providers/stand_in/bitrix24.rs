//! A stand-in for a Bitrix24 portal, not Bitrix24: REST by an incoming webhook.
//!
//! Built from what the vendor documents: bitrix-tools/b24-rest-docs@2ba82021 (paths, the errors
//! and their HTTP statuses, pages of 50 with `next` and `total`, 503 `QUERY_LIMIT_EXCEEDED`)
//! and `b24pysdk` 1.3.2 (methods and parameters).

use super::{Said, Seen, Site};
use serde_json::{Value, json};

pub const CODE: &str = "bitrix-code-canary-x1";
pub const USER: &str = "1";

pub struct Bitrix24 {
    pub site: Site,
}

impl Bitrix24 {
    /// With `items` deals.
    pub fn start(items: u64) -> Self {
        Self { site: Site::serve(move |seen| answer(seen, items)) }
    }

    /// What a user copies out of the portal.
    pub fn webhook(&self) -> String {
        format!("{}/rest/{USER}/{CODE}/", self.site.origin())
    }

    pub fn over_limit(&self) {
        self.site.then(error(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"));
    }

    /// The next request is refused by this name.
    pub fn says(&self, status: u16, code: &str, text: &str) {
        self.site.then(error(status, code, text));
    }

    pub fn over_time(&self) {
        self.site.then(error(
            429,
            "OPERATION_TIME_LIMIT",
            "Method is blocked due to operation time limit.",
        ));
    }
}

fn error(status: u16, code: &str, text: &str) -> Said {
    Said::json(status, &json!({ "error": code, "error_description": text }))
}

fn answer(seen: &Seen, items: u64) -> Said {
    let parts = seen.parts();
    let ["rest", user, code, method] = parts.as_slice() else {
        return error(404, "ERROR_METHOD_NOT_FOUND", "Method not found!");
    };
    if *user != USER || *code != CODE {
        // It repeats what it was sent: nothing of that may get out.
        let text = format!("Invalid request credentials for /rest/{user}/{code}/");
        return error(401, "INVALID_CREDENTIALS", &text);
    }
    let body = seen.json().unwrap_or_default();
    let method = method.trim_end_matches(".json");
    let result = match method {
        "profile" => json!({ "ID": "1", "ADMIN": true, "NAME": "Ann", "LAST_NAME": "Lee" }),
        "user.current" => json!({ "ID": "1", "NAME": "Ann", "ACTIVE": true }),
        "crm.category.list" => {
            json!({ "categories": [{ "id": 0, "name": "Sales", "entityTypeId": 2 }] })
        }
        "crm.item.list" => return list(&body, items),
        "crm.item.get" if body["id"].as_u64().is_some_and(|id| id <= items) => {
            json!({ "item": { "id": body["id"], "title": "deal", "opportunity": 10 } })
        }
        "crm.item.get" => return error(400, "NOT_FOUND", "Item not found"),
        "crm.item.add" if body["fields"].is_object() => {
            json!({ "item": { "id": items + 1, "title": body["fields"]["title"] } })
        }
        "crm.item.add" => return error(400, "100", "Could not find value for parameter {fields}"),
        "crm.item.delete" => json!([]),
        "tasks.task.list" => {
            return error(
                403,
                "insufficient_scope",
                "The request requires higher privileges than provided by the webhook token",
            );
        }
        "im.message.add" => json!(11),
        _ => return error(404, "ERROR_METHOD_NOT_FOUND", "Method not found!"),
    };
    Said::json(200, &json!({ "result": result, "time": { "start": 1.5, "duration": 0.1 } }))
}

fn list(body: &Value, items: u64) -> Said {
    if body["entityTypeId"].as_u64() != Some(2) {
        return error(400, "NOT_FOUND", "Smart process not found");
    }
    let start = body["start"].as_u64().unwrap_or(0);
    let all: Vec<Value> = (start + 1..=items.min(start + 50))
        .map(|id| json!({ "id": id, "title": format!("deal {id}") }))
        .collect();
    let mut out = json!({ "result": { "items": all }, "total": items, "time": { "start": 1.5 } });
    if start + 50 < items {
        out["next"] = (start + 50).into();
    }
    Said::json(200, &out)
}
