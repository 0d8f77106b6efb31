//! One request to a page: what is refused, and what every answer says to the browser.

use super::{
    Answer, Page, Visit, Visitor,
    form::{self, BODY_TIME, MAX_BODY, Sent},
};
use crate::secret::Secret;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION},
};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body;
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

/// So much of a form that is too large is read and thrown away: a browser that is cut off while
/// it sends shows no answer.
const MAX_WASTE: usize = 1024 * 1024;

type Reply = Response<Full<Bytes>>;

pub(super) struct Host {
    pub(super) port: u16,
    pub(super) visitor: Arc<dyn Visitor>,
}

impl Host {
    pub(super) async fn answer<B>(&self, request: Request<B>) -> Reply
    where
        B: Body<Data = Bytes> + Send + Unpin,
    {
        let Some(own) = self.own(request.headers()) else { return page(&Page::Stranger) };
        let sent = match *request.method() {
            Method::GET => None,
            // A preview of a link asks for the head.
            Method::HEAD => return page(&Page::Nothing),
            Method::POST if self.visitor.takes_forms() => {
                if form::from_us(request.headers(), &own).is_err() {
                    return page(&Page::NotOurs);
                }
                Some(())
            }
            _ => return page(&Page::NotThis),
        };
        let (head, body) = request.into_parts();
        let sent = match sent {
            None => None,
            Some(()) => match tokio::time::timeout(BODY_TIME, read(body)).await {
                Ok(Some(sent)) => Some(sent),
                Ok(None) => return page(&Page::TooLarge),
                Err(_) => return page(&Page::NotOurs),
            },
        };
        let came_by_form = sent.is_some();
        let visit = Visit {
            path: head.uri.path().to_owned(),
            query: Secret::new(head.uri.query().unwrap_or_default().to_owned()),
            sent,
        };
        match self.visitor.visit(visit).await {
            Some(Answer::Page(what)) => page(&what),
            Some(Answer::Form(form)) => html(StatusCode::OK, form.html()),
            // The browser would not follow: it checks where a form leads to the end.
            Some(Answer::Redirect(url)) if came_by_form => page(&Page::Onward(url)),
            Some(Answer::Redirect(url)) => redirect(StatusCode::FOUND, &url),
            Some(Answer::See(path)) => redirect(StatusCode::SEE_OTHER, &path),
            None => page(&Page::NotThis),
        }
    }

    /// The name that the browser used, which is one of ours, as no name in the DNS is (rebinding).
    fn own(&self, headers: &HeaderMap) -> Option<String> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)).to_string();
        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, self.port)).to_string();
        let own = [v4, v6, format!("localhost:{}", self.port)];
        own.into_iter().find(|own| own.as_str() == host)
    }
}

/// Reads a form; `None` when it is larger than any of ours, or not whole.
async fn read<B>(mut body: B) -> Option<Sent>
where
    B: Body<Data = Bytes> + Send + Unpin,
{
    let (mut bytes, mut all) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        // Half a form is none: what it lacks would count as left empty.
        let Ok(data) = frame.ok()?.into_data() else { continue };
        all += data.len();
        if all > MAX_WASTE {
            break;
        }
        if all <= MAX_BODY {
            bytes.extend_from_slice(&data);
        }
    }
    if all > MAX_BODY { None } else { Sent::read(&bytes) }
}

fn page(what: &Page) -> Reply {
    html(what.status(), what.html())
}

fn html(status: StatusCode, html: String) -> Reply {
    let mut response = Response::new(Full::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    guard(headers);
    response
}

fn redirect(status: StatusCode, url: &str) -> Reply {
    let Ok(target) = HeaderValue::from_str(url) else { return page(&Page::Failed) };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response.headers_mut().insert(LOCATION, target);
    guard(response.headers_mut());
    response
}

fn guard(headers: &mut HeaderMap) {
    let csp = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
               base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(csp));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
