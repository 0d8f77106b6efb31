//! Asking the user of a client that can show a question (elicitation, 2025-11-25 and 2026-07-28).

use crate::{
    connect::{Ending, Link},
    hub::{Hub, Notice, Request},
    wire::{Ask, splice},
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a question may stand in a client.
const LONGEST: Duration = Duration::from_mins(10);

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Yes,
    No,
    /// The client cannot ask, or did not.
    Nothing,
}

/// Asks whether a page may be opened. `ending`: the client hears when what is done there is done.
pub(super) async fn to_open(
    hub: &Hub,
    request: &Request,
    link: &Link,
    ending: Option<Ending>,
) -> Said {
    let id = format!("allmcp-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let params = json!({
        "mode": "url",
        "elicitationId": id,
        "url": link.url,
        "message": "allmcp opens a page on this computer where the service is connected. Keys \
                    that you enter there are not shown to the model.",
    });
    let said = put(request, &params).await;
    if said == Said::Yes
        && let Some(mut ending) = ending
    {
        let told = hub.clone();
        hub.background("link's end", async move {
            if ending.wait_for(Option::is_some).await.is_ok() {
                let params = json!({ "elicitationId": id }).to_string().into();
                told.notify(Notice::ElicitationComplete { params });
            }
        });
    }
    said
}

async fn put(request: &Request, params: &Value) -> Said {
    let Some(link) = &request.link else { return Said::Nothing };
    let params = Bytes::from(params.to_string());
    let asked = link.ask(Ask { method: "elicitation/create".into(), params });
    match tokio::time::timeout(LONGEST, asked).await {
        Err(_late) => Said::No,
        // It did not declare that it can, or something went wrong on the way.
        Ok(Err(_)) => Said::Nothing,
        Ok(Ok(result)) => match splice::get_str(&result, "action").as_deref() {
            Some("accept") => Said::Yes,
            _ => Said::No,
        },
    }
}
