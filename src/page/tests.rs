#![expect(clippy::disallowed_methods, reason = "the client here is the other side")]

use super::*;
use std::sync::Mutex;

/// Notes what it is asked and says yes to `/callback`.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Visitor for Notes {
    fn visit(&self, visit: Visit) -> BoxFuture<'_, Option<Answer>> {
        self.0.lock().unwrap().push(format!("{}?{}", visit.path, visit.query.expose()));
        Box::pin(async move {
            match visit.path.as_str() {
                "/callback" => Some(Answer::Page(Page::SignedIn("kommo".to_owned()))),
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
    assert_eq!(client().post(url("/callback")).send().await.unwrap().status(), 404);
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
