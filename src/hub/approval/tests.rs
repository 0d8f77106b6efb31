//! Asking through the hub, over scripted upstreams and clients.

use super::{Approver, Decision, Question};
use crate::{
    connect::Link,
    hub::{
        Answered, CallError, Patience, Plan, Request,
        script::{Does, Rig, Script, ours, scripted},
    },
    kind::{Era, Rule},
    upstream::{ErrorKind, UpstreamError},
    wire::{Answering, Ask, ClientLink, LogLevel, Outcome, RpcError},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

const LONG: Duration = Duration::from_secs(20);

/// A client that answers every form with the same, or not at all.
struct Forms {
    says: Option<Result<&'static str, RpcError>>,
    asked: Mutex<Vec<String>>,
    drives: bool,
}

impl Forms {
    fn saying(says: &'static str) -> Arc<Self> {
        Self::of(Some(Ok(says)))
    }

    fn of(says: Option<Result<&'static str, RpcError>>) -> Arc<Self> {
        Arc::new(Self { says, asked: Mutex::default(), drives: false })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl ClientLink for Forms {
    fn capabilities(&self) -> Bytes {
        Bytes::from_static(b"{\"elicitation\":{}}")
    }

    fn wants_progress(&self) -> bool {
        false
    }

    fn progress(&self, _params: Bytes) {}

    fn log_level(&self) -> Option<LogLevel> {
        None
    }

    fn log(&self, _params: Bytes) {}

    fn ask(&self, ask: Ask) -> Answering {
        let text = format!("{} {}", ask.method, String::from_utf8_lossy(&ask.params));
        self.asked.lock().unwrap().push(text);
        match self.says.clone() {
            Some(says) => Box::pin(std::future::ready(says.map(Bytes::from))),
            None => Box::pin(std::future::pending()),
        }
    }

    fn drives_rounds(&self) -> bool {
        self.drives
    }
}

/// A connection `c` with a tool `t`, before whose call the user is asked.
struct Desk {
    rig: Rig,
    script: Arc<Script>,
}

impl Desk {
    async fn new() -> Self {
        Self::with(Plan::default()).await
    }

    async fn with(plan: Plan) -> Self {
        let (rig, script) = (Rig::open(), Script::new(&["t"]));
        let mut c = scripted("c", &script);
        c.rules.policy.write = Some(Rule::Ask);
        let connections = ours(vec![c]).connections;
        rig.hub.apply(Plan { connections, ..plan });
        rig.hub.settled(LONG).await;
        Self { rig, script }
    }

    async fn call(&self, link: Option<&Arc<Forms>>, params: &str) -> Result<Answered, CallError> {
        let params = Bytes::from(format!("{{\"name\":\"c__t\",{params}}}"));
        let link = link.map(|link| Arc::<Forms>::clone(link) as Arc<dyn ClientLink>);
        let request = Request { params, client: Some("cli".into()), limit: 1 << 20, link };
        self.rig.hub.call(request).await
    }

    async fn decision(&self, link: Option<&Arc<Forms>>, params: &str) -> Decision {
        match self.call(link, params).await {
            Err(CallError::Unapproved(left)) => left.decision,
            other => panic!("not approved: {other:?}"),
        }
    }

    fn calls(&self) -> usize {
        self.script.calls.lock().unwrap().len()
    }

    /// Outcome and decision of every line of the log.
    fn log(&self) -> Vec<String> {
        let entries = self.rig.entries();
        entries.iter().map(|e| format!("{} {}", e.outcome.word(), e.decision)).collect()
    }

    /// The user answers on the page of this link.
    fn answer(&self, link: &Link, yes: bool) {
        let token = link.url.rsplit('/').next().unwrap();
        let life = Patience::default().life;
        self.rig.hub.0.approvals.desk.answer(token, yes, life).unwrap();
    }
}

const ARGS: &str = r#""arguments":{"id":7}"#;

#[tokio::test]
async fn only_an_explicit_yes_sends_anything() {
    for (says, want) in [
        (r#"{"action":"decline"}"#, Decision::Refused),
        (r#"{"action":"cancel"}"#, Decision::Dismissed),
        (r#"{"action":"accepted"}"#, Decision::Dismissed),
        ("{}", Decision::Dismissed),
    ] {
        let (desk, link) = (Desk::new().await, Forms::saying(says));
        let word = want.word();
        assert_eq!(desk.decision(Some(&link), ARGS).await, want, "{says}");
        assert_eq!((desk.calls(), desk.log()), (0, vec![format!("denied {word}")]));
    }
    let (desk, link) = (Desk::new().await, Forms::saying(r#"{"action":"accept","content":{}}"#));
    desk.call(Some(&link), ARGS).await.unwrap();
    assert_eq!((desk.calls(), desk.log()), (1, vec!["ok approved".to_owned()]));
    let asked = link.asked();
    let params = asked[0].strip_prefix("elicitation/create ").unwrap();
    let params: serde_json::Value = serde_json::from_str(params).unwrap();
    let schema = serde_json::json!({"type": "object", "properties": {}});
    assert_eq!(params["requestedSchema"], schema);
    assert_eq!(
        params["message"],
        "Call t of c?\n\nConnection: c\nServer: unknown\nAsked by: cli\nTool: t (says nothing of \
         what it does)\nArguments: {\n  \"id\": 7\n}"
    );
    desk.call(Some(&link), ARGS).await.unwrap();
    assert_eq!(link.asked().len(), 2, "every call is asked for");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_waited_for_longer_than_the_settings_say() {
    let patience = Patience { wait: Duration::from_secs(9), ..Patience::default() };
    let desk = Desk::with(Plan { patience, ..Plan::default() }).await;
    let start = tokio::time::Instant::now();
    let decision = desk.decision(Some(&Forms::of(None)), ARGS).await;
    assert_eq!(decision, Decision::Unanswered(patience.wait));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!((desk.calls(), desk.log()), (0, vec!["denied unanswered".to_owned()]));
}

#[tokio::test]
async fn who_goes_away_while_asked_sends_nothing_and_is_logged_once() {
    let (desk, link) = (Desk::new().await, Forms::of(None));
    let call = desk.call(Some(&link), ARGS);
    assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
    assert_eq!((desk.calls(), desk.log()), (0, vec!["cancelled asked".to_owned()]));
}

#[tokio::test]
async fn a_client_without_forms_gets_a_page_and_its_answer_holds_once_for_that_call() {
    let refuses = RpcError::new(crate::wire::error::METHOD_NOT_FOUND, "no");
    let mut links = vec![None, Some(Forms::of(Some(Err(refuses))))];
    for link in links.drain(..) {
        let (desk, link) = (Desk::new().await, link.as_ref());
        let Decision::Asked(page) = desk.decision(link, ARGS).await else { panic!("a page") };
        assert!(page.url.starts_with("http://127.0.0.1:"), "{page:?}");
        let again = desk.decision(link, ARGS).await;
        assert!(matches!(again, Decision::Asked(same) if same.url == page.url));
        let other = desk.decision(link, r#""arguments":{"id":8}"#).await;
        assert!(matches!(&other, Decision::Asked(other) if other.url != page.url));
        assert_eq!(desk.calls(), 0);
        desk.answer(&page, true);
        let other = desk.decision(link, r#""arguments":{"id":8}"#).await;
        assert!(matches!(other, Decision::Asked(_)), "the approval is not for this one");
        desk.call(link, r#""arguments":{ "id" : 7 },"_meta":{"x":1}"#).await.unwrap();
        assert_eq!(desk.calls(), 1);
        let third = desk.decision(link, ARGS).await;
        let Decision::Asked(third) = third else { panic!("a new question") };
        assert_ne!(third.url, page.url);
        desk.answer(&third, false);
        assert_eq!(desk.decision(link, ARGS).await, Decision::Refused);
        assert!(matches!(desk.decision(link, ARGS).await, Decision::Asked(_)), "told once");
        assert_eq!(desk.calls(), 1);
        let asked = "denied asked";
        let want = [asked, asked, asked, asked, "ok approved", asked, "denied refused", asked];
        assert_eq!(desk.log(), want);
    }
}

#[tokio::test]
async fn an_approval_stays_while_the_call_cannot_begin_and_ends_when_it_may_have_run() {
    let name = "c".parse().unwrap();
    let yes = Forms::saying(r#"{"action":"accept"}"#);
    for (kind, may_have_run, stays) in [
        (ErrorKind::NeedsAuth, false, true),
        (ErrorKind::Unreachable, false, true),
        (ErrorKind::Unreachable, true, false),
        (ErrorKind::Rpc(RpcError::new(-32042, "first there")), false, true),
        (ErrorKind::Rpc(RpcError::new(-32000, "no")), false, false),
    ] {
        let desk = Desk::new().await;
        let error = UpstreamError::new(&name, kind.clone(), "no").may_have_run(may_have_run);
        desk.script.answer("t", Does::Fail(error));
        assert!(!matches!(
            desk.call(Some(&yes), ARGS).await,
            Ok(_) | Err(CallError::Unapproved(_))
        ));
        desk.script.answer("t", Does::Give("{}"));
        let again = desk.call(None, ARGS).await;
        assert_eq!(again.is_ok(), stays, "{kind:?}: {again:?}");
    }
}

#[tokio::test]
async fn the_rounds_of_an_approved_call_are_not_asked_for_again() {
    let (desk, asks) = (Desk::new().await, r#"{"requestState":"s1","inputRequests":{}}"#);
    let forms =
        Forms { says: Some(Ok(r#"{"action":"accept"}"#)), asked: Mutex::default(), drives: true };
    let link = Arc::new(forms);
    let round = |state: &str| format!(r#"{ARGS},"requestState":"{state}","inputResponses":{{}}"#);
    // Nobody gets in by a state that nobody gave.
    desk.call(Some(&link), &round("s1")).await.unwrap();
    assert_eq!(link.asked().len(), 1);
    desk.script.answer("t", Does::AskInput(asks));
    let answered = desk.call(Some(&link), ARGS).await.unwrap();
    assert!(matches!(answered.outcome, Outcome::InputRequired(_)));
    assert_eq!(link.asked().len(), 2);
    desk.script.answer("t", Does::Give("{}"));
    desk.call(Some(&link), &round("s1")).await.unwrap();
    assert_eq!(link.asked().len(), 2, "a later round of the same call");
    desk.call(Some(&link), &round("s1")).await.unwrap();
    assert_eq!(link.asked().len(), 3, "once only");
}

#[tokio::test]
async fn what_was_decided_meanwhile_holds() {
    /// Turns the policy to `deny` while it is asked.
    struct Meanwhile(Arc<Rig>, Arc<Script>);
    impl Approver for Meanwhile {
        fn ask(&self, _question: &Question) -> BoxFuture<'_, Decision> {
            let mut c = scripted("c", &self.1);
            c.rules.policy.write = Some(Rule::Deny);
            self.0.hub.apply(ours(vec![c]));
            Box::pin(std::future::ready(Decision::Approved))
        }
    }
    let Desk { rig, script } = Desk::new().await;
    let rig = Arc::new(rig);
    rig.hub.approved_by(Arc::new(Meanwhile(Arc::clone(&rig), Arc::clone(&script))));
    let params = Bytes::from(format!("{{\"name\":\"c__t\",{ARGS}}}"));
    let request = Request { params, client: None, limit: 1 << 20, link: None };
    let denied = rig.hub.call(request).await;
    assert!(matches!(denied, Err(CallError::Denied(_))), "{denied:?}");
    assert!(script.calls.lock().unwrap().is_empty());
    assert_eq!(rig.entries()[0].decision, "deny");
}

#[tokio::test]
async fn a_tool_that_nobody_is_asked_for_costs_nothing() {
    let desk = Desk::new().await;
    let mut c = scripted("c", &desk.script);
    c.rules.policy.write = Some(Rule::Allow);
    desk.rig.hub.apply(ours(vec![c]));
    let link = Forms::of(None);
    let answered = desk.call(Some(&link), ARGS).await.unwrap();
    assert_eq!(answered.era, Some(Era::Legacy));
    assert!(link.asked().is_empty() && desk.rig.hub.0.approvals.pages.get().is_none());
    assert_eq!(desk.script.lists.load(Ordering::SeqCst), 1);
    assert_eq!(desk.log(), ["ok allow"]);
}
