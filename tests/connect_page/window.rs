//! What a browser does with a page: it shows it, sends its form and follows redirects.

use std::cell::RefCell;

/// A browser that remembers everything it was sent.
#[derive(Default)]
pub(crate) struct Window {
    seen: RefCell<String>,
}

/// A page in it.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) html: String,
}

/// Everything that a request may be besides its URL.
#[derive(Debug, Clone, Default)]
pub(crate) struct Post<'a> {
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: String,
}

impl Window {
    /// One GET, no further.
    pub(crate) fn look(&self, url: &str) -> Shown {
        self.fetch(url, None)
    }

    /// A GET with its redirects, as far as they stay here.
    pub(crate) fn open(&self, url: &str) -> Shown {
        let shown = self.look(url);
        self.follow(shown)
    }

    /// Sends the form of a page with these fields, and goes where it leads.
    #[track_caller]
    pub(crate) fn send(&self, page: &Shown, fields: &[(&str, &str)]) -> Shown {
        let sent = self.send_only(page, fields);
        assert_eq!(sent.status, 303, "{sent:?}");
        self.follow(sent)
    }

    /// Sends it and follows nothing.
    #[track_caller]
    pub(crate) fn send_only(&self, page: &Shown, fields: &[(&str, &str)]) -> Shown {
        self.fetch(&page.url, Some(&Post::form(&page.token(), fields)))
    }

    #[expect(clippy::disallowed_methods, reason = "the browser is the other side")]
    pub(crate) fn fetch(&self, url: &str, post: Option<&Post<'_>>) -> Shown {
        let work = async {
            let policy = reqwest::redirect::Policy::none();
            let client = reqwest::Client::builder().no_proxy().redirect(policy).build().unwrap();
            let request = match post {
                None => client.get(url),
                Some(post) => {
                    let request = client.post(url).body(post.body.clone());
                    post.headers.iter().fold(request, |it, (name, value)| it.header(*name, *value))
                }
            };
            let response = request.send().await.unwrap();
            let location = response.headers().get("location");
            let location = location.map(|it| it.to_str().unwrap().to_owned());
            let head = format!("{:?}", response.headers());
            let status = response.status().as_u16();
            Shown {
                url: url.to_owned(),
                status,
                location,
                html: response.text().await.unwrap() + &head,
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let shown = runtime.block_on(work);
        self.seen.borrow_mut().push_str(&format!("{shown:?}\n"));
        shown
    }

    fn follow(&self, mut shown: Shown) -> Shown {
        for _ in 0..5 {
            let Some(path) = shown.location.as_ref().filter(|it| it.starts_with('/')) else {
                break;
            };
            let (scheme, rest) = shown.url.split_once("://").unwrap();
            let host = rest.split('/').next().unwrap();
            shown = self.look(&format!("{scheme}://{host}{path}"));
        }
        shown
    }

    /// Everything that it was sent.
    pub(crate) fn seen(&self) -> String {
        self.seen.borrow().clone()
    }
}

impl<'a> Post<'a> {
    /// As a page of ours sends it.
    pub(crate) fn form(token: &str, fields: &[(&str, &str)]) -> Self {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("form", token);
        for (name, value) in fields {
            body.append_pair(name, value);
        }
        let headers = vec![
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", "null"),
            ("sec-fetch-site", "same-origin"),
        ];
        Self { headers, body: body.finish() }
    }
}

impl Shown {
    /// What the form has to carry.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        let (_, rest) =
            self.html.split_once("name=\"form\" value=\"").unwrap_or_else(|| panic!("{self:?}"));
        rest.split('"').next().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.html.contains(text), "{text:?} is not in {self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn says_not(&self, text: &str) -> &Self {
        assert!(!self.html.contains(text), "{text:?} is in {self:?}");
        self
    }
}
