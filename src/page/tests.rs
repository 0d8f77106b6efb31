#![expect(clippy::disallowed_methods, reason = "the client here is the other side")]

use super::*;
use std::sync::Mutex;

/// Notes what it is asked and says yes to `/callback`.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

/// A form with one field, which takes `right`.
fn form(sent: Option<Sent>) -> Answer {
    let Some(mut sent) = sent else {
        let field = Field { name: "key".to_owned(), kind: FieldKind::Secret, ..Field::default() };
        return Answer::Form(Box::new(Form {
            token: "t0".to_owned(),
            fields: vec![field],
            ..Form::default()
        }));
    };
    match sent.take("key") {
        Some(key) if sent.carries("t0") && key.expose() == "right" => {
            Answer::See("/callback".to_owned())
        }
        _ => Answer::Redirect("https://as.example/wrong".to_owned()),
    }
}

impl Visitor for Notes {
    fn takes_forms(&self) -> bool {
        true
    }

    fn visit(&self, visit: Visit) -> BoxFuture<'_, Option<Answer>> {
        self.0.lock().unwrap().push(format!("{}?{}", visit.path, visit.query.expose()));
        Box::pin(async move {
            match visit.path.as_str() {
                "/callback" => Some(Answer::Page(Page::SignedIn("kommo".to_owned()))),
                "/form" => Some(form(visit.sent)),
                "/go" => Some(Answer::Redirect("https://as.example/authorize?a=1".to_owned())),
                _ => None,
            }
        })
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_visit_is_answered_under_each_of_our_own_names_only() {
    let (shutdown, notes) = (Shutdown::new(), Arc::new(Notes::default()));
    let pages = Pages::open(&shutdown, &[0], notes.clone()).await.unwrap();
    let port = pages.port();
    let get = async |host: &str| {
        let url = format!("http://127.0.0.1:{port}/callback?code=%3Cscript%3E&state=<b>");
        client().get(url).header("host", host).send().await.unwrap()
    };
    for own in ["127.0.0.1", "localhost", "[::1]"] {
        let response = get(&format!("{own}:{port}")).await;
        assert_eq!(response.status(), 200);
        let headers = response.headers().clone();
        assert_eq!(headers["cache-control"], "no-store");
        assert!(
            headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
        );
        let html = response.text().await.unwrap();
        assert!(html.contains("kommo is connected") && !html.contains("script"), "{html}");
    }
    for foreign in ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "localhost"] {
        assert_eq!(get(foreign).await.status(), 403, "{foreign}");
    }
    assert_eq!(notes.0.lock().unwrap().len(), 3, "the others were not even looked at");
}

#[tokio::test]
async fn other_methods_and_paths_get_nothing_and_a_look_ahead_uses_nothing_up() {
    let (shutdown, notes) = (Shutdown::new(), Arc::new(Notes::default()));
    let pages = Pages::open(&shutdown, &[0], notes.clone()).await.unwrap();
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", pages.port());
    assert_eq!(client().put(url("/callback")).send().await.unwrap().status(), 404);
    assert_eq!(client().head(url("/callback")).send().await.unwrap().status(), 200);
    assert!(notes.0.lock().unwrap().is_empty());
    assert_eq!(client().get(url("/favicon.ico")).send().await.unwrap().status(), 404);
    let on = client().get(url("/go")).send().await.unwrap();
    assert_eq!(on.status(), 302);
    assert_eq!(on.headers()["location"], "https://as.example/authorize?a=1");
}

#[tokio::test]
async fn a_taken_port_is_passed_over_and_a_closed_one_is_free_again() {
    let shutdown = Shutdown::new();
    let first = Pages::open(&shutdown, &[0], Arc::new(Notes::default())).await.unwrap();
    let taken = first.port();
    let only = Pages::open(&shutdown, &[taken], Arc::new(Notes::default())).await;
    assert_eq!(only.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    let second = Pages::open(&shutdown, &[taken, 0], Arc::new(Notes::default())).await.unwrap();
    assert_ne!(second.port(), taken);
    first.close().await;
    // The listeners' tasks end at their next turn.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(bind(taken).await.unwrap().0, taken);
}

/// Sends a form as a browser does.
fn send(url: &str, body: String) -> reqwest::RequestBuilder {
    let post = client().post(url).header("content-type", "application/x-www-form-urlencoded");
    post.header("sec-fetch-site", "same-origin").header("origin", "null").body(body)
}

#[tokio::test]
async fn a_form_is_answered_by_a_redirect_to_a_page_of_ours() {
    let (shutdown, notes) = (Shutdown::new(), Arc::new(Notes::default()));
    let pages = Pages::open(&shutdown, &[0], notes).await.unwrap();
    let url = format!("http://127.0.0.1:{}/form", pages.port());
    let shown = client().get(&url).send().await.unwrap();
    let policy = shown.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("form-action 'self'") && !policy.contains("script"), "{policy}");
    assert_eq!(shown.headers()["referrer-policy"], "no-referrer");
    let html = shown.text().await.unwrap();
    assert!(html.contains("<form method=\"post\"") && html.contains("value=\"t0\""), "{html}");
    let taken = send(&url, "form=t0&key=right".to_owned()).send().await.unwrap();
    assert_eq!(taken.status(), 303);
    assert_eq!(taken.headers()["location"], "/callback");
    // A redirect to elsewhere would be stopped by the browser.
    let onward = send(&url, "form=t0&key=canary".to_owned()).send().await.unwrap();
    assert_eq!(onward.status(), 200);
    let html = onward.text().await.unwrap();
    assert!(html.contains("https://as.example/wrong") && !html.contains("canary"), "{html}");
}

#[tokio::test]
async fn a_form_of_another_site_or_of_another_kind_or_too_large_is_not_read() {
    let (shutdown, notes) = (Shutdown::new(), Arc::new(Notes::default()));
    let pages = Pages::open(&shutdown, &[0], notes.clone()).await.unwrap();
    let url = format!("http://127.0.0.1:{}/form", pages.port());
    let right = || "form=t0&key=right".to_owned();
    let foreign = client().post(&url).header("origin", "https://evil.example").body(right());
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let rebound = send(&url, right()).header("host", "evil.example");
    assert_eq!(rebound.send().await.unwrap().status(), 403);
    let json = client().post(&url).header("sec-fetch-site", "same-origin").body("{}");
    assert_eq!(json.send().await.unwrap().status(), 403);
    for (size, status) in [(64 * 1024 - 11, 200), (64 * 1024, 413), (900 * 1024, 413)] {
        let body = format!("form=t0&key={}", "x".repeat(size - 1));
        assert_eq!(send(&url, body).send().await.unwrap().status(), status, "{size}");
    }
    assert_eq!(notes.0.lock().unwrap().len(), 1, "the others were not even looked at");
}

/// Takes no forms.
struct Looks;

impl Visitor for Looks {
    fn visit(&self, visit: Visit) -> BoxFuture<'_, Option<Answer>> {
        Box::pin(async move {
            visit.sent.is_none().then(|| Answer::Page(Page::SignedIn("x".to_owned())))
        })
    }
}

#[tokio::test]
async fn who_takes_no_forms_gets_none() {
    let shutdown = Shutdown::new();
    let pages = Pages::open(&shutdown, &[0], Arc::new(Looks)).await.unwrap();
    let url = format!("http://127.0.0.1:{}/", pages.port());
    assert_eq!(client().get(&url).send().await.unwrap().status(), 200);
    assert_eq!(send(&url, String::new()).send().await.unwrap().status(), 404);
}
