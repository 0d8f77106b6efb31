//! From a tool and its arguments to one HTTP request.
//!
//! The manifest says where each value goes; no value can change where the request goes.

use super::{
    Fill,
    args::Args,
    body::{Node, Pairs, pairs},
    json::plain,
    pages::Asked,
    path::{join, path},
};
use crate::{
    auth::{AuthError, Prepared},
    catalog::manifest::{Arg, ListStyle, Place, Shape, Tool, Way},
    secret::Secret,
    wire::splice,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use url::Url;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Ready to be sent. Its URL and its body may hold secrets: it cannot be printed.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Secret<Url>,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// Why there is no request.
pub(super) enum Wrong {
    /// An argument, in words for the model.
    Argument(String),
    /// The manifest, in words for the one who wrote it.
    Manifest(String),
    Auth(AuthError),
}

/// What a request is made of besides the tool.
pub(super) struct Source<'a> {
    pub(super) way: &'a Way,
    pub(super) lists: ListStyle,
    pub(super) prepared: &'a Prepared,
    pub(super) fill: &'a dyn Fill,
}

pub(super) fn build(
    tool: &Tool,
    args: &Args<'_>,
    page: Option<Asked>,
    source: &Source<'_>,
) -> Result<Request, Wrong> {
    let method = Method::from_bytes(tool.method.as_bytes())
        .map_err(|_| Wrong::Manifest(format!("{:?} is not an HTTP method", tool.method)))?;
    let in_query = bodiless(&method);
    let mut query: Pairs = tool.query.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut form = Pairs::new();
    let mut body = Node::default();
    let mut headers = source.prepared.headers.clone();
    for (key, value) in &tool.body {
        put(tool, &mut body, &mut form, key, value.to_string().into(), source.lists);
    }
    for (arg, value) in &args.given {
        let key = arg.key.as_deref().unwrap_or(&arg.name);
        let style = arg.list.unwrap_or(source.lists);
        match place(tool, arg, in_query) {
            Place::Path => {}
            Place::Query => pairs(key, value, style, &mut query),
            Place::Header => put_header(&mut headers, arg, key, value)?,
            Place::Body => put(tool, &mut body, &mut form, key, value.clone(), style),
        }
    }
    if let Some(Asked { key, json }) = page {
        if in_query {
            pairs(&key, &json, source.lists, &mut query);
        } else {
            put(tool, &mut body, &mut form, &key, json, source.lists);
        }
    }
    // Last, so that no argument can take the place of a credential.
    let way = source.way;
    for (key, value) in &way.query {
        query.retain(|(one, _)| one != key);
        query.push((key.clone(), fill(source, value)?.into_inner()));
    }
    if !in_query {
        for (key, value) in &way.body {
            let value = splice::quote(fill(source, value)?.expose());
            form.retain(|(one, _)| one != key);
            put(tool, &mut body, &mut form, key, value.into(), source.lists);
        }
    }
    let url = url(source.prepared.url.expose(), tool, args, &query)?;
    headers.entry(ACCEPT).or_insert(JSON);
    let has_body = !in_query || !body.is_empty() || !form.is_empty();
    let body = has_body.then(|| {
        headers.insert(CONTENT_TYPE, if tool.shape == Shape::Form { FORM } else { JSON });
        write(tool.shape, &body, &form)
    });
    Ok(Request { method, url: Secret::new(url), headers, body })
}

fn bodiless(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::DELETE | Method::HEAD)
}

fn place(tool: &Tool, arg: &Arg, in_query: bool) -> Place {
    match arg.place {
        Some(place) => place,
        None if tool.path.contains(&format!("{{{}}}", arg.name)) => Place::Path,
        None if in_query => Place::Query,
        None => Place::Body,
    }
}

fn put(tool: &Tool, body: &mut Node, form: &mut Pairs, key: &str, json: Bytes, style: ListStyle) {
    if tool.shape == Shape::Form {
        pairs(key, &json, style, form);
    } else {
        body.put(key, json);
    }
}

fn write(shape: Shape, body: &Node, form: &Pairs) -> Bytes {
    let mut out = Vec::new();
    match shape {
        Shape::Object => body.write(&mut out),
        Shape::List => {
            out.push(b'[');
            body.write(&mut out);
            out.push(b']');
        }
        Shape::Form => {
            let mut text = url::form_urlencoded::Serializer::new(String::new());
            text.extend_pairs(form);
            out = text.finish().into_bytes();
        }
    }
    out.into()
}

fn fill(source: &Source<'_>, template: &str) -> Result<Secret<String>, Wrong> {
    let template =
        template.parse().map_err(|error| Wrong::Manifest(format!("a template: {error}")))?;
    source.fill.fill(&template).map_err(Wrong::Auth)
}

fn put_header(headers: &mut HeaderMap, arg: &Arg, key: &str, json: &[u8]) -> Result<(), Wrong> {
    let name = HeaderName::try_from(key)
        .map_err(|_| Wrong::Manifest(format!("{key:?} is not the name of a header")))?;
    let value = HeaderValue::from_str(&plain(json)).map_err(|_| {
        let name = &arg.name;
        Wrong::Argument(format!(
            "the argument {name:?} goes into a header and can only have printable ASCII characters"
        ))
    })?;
    // A credential stays what it is.
    headers.entry(name).or_insert(value);
    Ok(())
}

fn url(base: &Url, tool: &Tool, args: &Args<'_>, query: &Pairs) -> Result<Url, Wrong> {
    let mut url = join(base, &path(tool, args)?)
        .ok_or_else(|| Wrong::Manifest(format!("the path {:?} is not fit for a URL", tool.path)))?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::http_api::{args, tests::Known};

    const WAY: &str = "id='w'\ntitle='W'\nkind='key'\n";

    fn built(tool: &str, way: &str, json: &str) -> Result<Request, String> {
        let tool = format!("name='t'\ndescription='T'\n{tool}");
        let tool: Tool = toml::from_str(&tool).unwrap();
        let way: Way = toml::from_str(&format!("{WAY}{way}")).unwrap();
        let url = Secret::new("https://h.example/rest/7/path-canary/".parse().unwrap());
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("x-key"),
            HeaderValue::from_static("k"),
        )]);
        let prepared = Prepared::new(url, headers, 0);
        let known = Known::new(&[("key", "body-canary"), ("q", "a&b=c")]);
        let source =
            Source { way: &way, lists: ListStyle::Brackets, prepared: &prepared, fill: &known };
        let json = Bytes::from(json.to_owned());
        let args = args::read(&tool, &json)?;
        build(&tool, &args, None, &source).map_err(|wrong| match wrong {
            Wrong::Argument(text) => text,
            Wrong::Manifest(text) => format!("manifest: {text}"),
            Wrong::Auth(error) => error.to_string(),
        })
    }

    fn url_of(tool: &str, json: &str) -> Result<String, String> {
        built(tool, "", json).map(|it| it.url.expose().to_string())
    }

    #[test]
    fn an_argument_stays_one_part_of_the_path() {
        let tool = "method='GET'\npath='/a/{id}/b'\n[[args]]\nname='id'\nrequired=true\n";
        let base = "https://h.example/rest/7/path-canary/a/";
        let path = |id: &str| url_of(tool, &format!("{{\"id\":{}}}", splice::quote(id)));
        assert_eq!(path("x y/../z?#%2e").unwrap(), format!("{base}x%20y%2F..%2Fz%3F%23%252e/b"));
        assert_eq!(
            path("Лист!A1:B2").unwrap(),
            format!("{base}%D0%9B%D0%B8%D1%81%D1%82%21A1%3AB2/b")
        );
        assert_eq!(path("..\\..").unwrap(), format!("{base}..%5C../b"));
        assert_eq!(path("%2e%2e").unwrap(), format!("{base}%252e%252e/b"));
        for dots in [".", ".."] {
            assert!(path(dots).unwrap_err().contains("cannot be"), "{dots}");
        }
        assert!(path("").unwrap_err().contains("missing or empty"));
    }

    #[test]
    fn no_value_leaves_its_parameter() {
        let tool = "method='GET'\npath='/a'\nquery={fixed='1'}\n[[args]]\nname='from'\nkey='filter[created_at][from]'\n[[args]]\nname='ids'\ntype='array'\nkey='filter[id]'\n[[args]]\nname='with'\ntype='array'\nlist='comma'\n";
        let json = r#"{"from":"a&b=c#d","ids":[1,2],"with":["x","y"]}"#;
        let want = "?fixed=1&filter%5Bcreated_at%5D%5Bfrom%5D=a%26b%3Dc%23d&filter%5Bid%5D%5B%5D=1&filter%5Bid%5D%5B%5D=2&with=x%2Cy";
        assert!(url_of(tool, json).unwrap().ends_with(want));
    }

    #[test]
    fn bodies_have_the_shape_that_the_vendor_wants() {
        let args =
            "[[args]]\nname='name'\n[[args]]\nname='tags'\ntype='array'\nkey='_embedded.tags'\n";
        let json = r#"{"tags":[{"id":1.10}],"name":"n"}"#;
        let body = |head: &str| {
            let built = built(&format!("{head}{args}"), "", json).unwrap();
            String::from_utf8(built.body.unwrap().to_vec()).unwrap()
        };
        assert_eq!(
            body("method='POST'\npath='/a'\n"),
            r#"{"name":"n","_embedded":{"tags":[{"id":1.10}]}}"#
        );
        assert_eq!(
            body("method='POST'\npath='/a'\nshape='list'\nbody={'_embedded.x'=1}\n"),
            r#"[{"_embedded":{"x":1,"tags":[{"id":1.10}]},"name":"n"}]"#
        );
        assert_eq!(
            body("method='POST'\npath='/a'\nshape='form'\n"),
            "name=n&_embedded.tags%5B0%5D%5Bid%5D=1.10"
        );
        assert!(built("method='GET'\npath='/a'\n", "", "{}").unwrap().body.is_none());
        assert_eq!(built("method='POST'\npath='/a'\n", "", "{}").unwrap().body.unwrap(), "{}");
    }

    #[test]
    fn a_credential_has_its_place_and_no_argument_takes_it() {
        let tool = "method='POST'\npath='/a'\n[[args]]\nname='key'\n[[args]]\nname='k'\nin='query'\n[[args]]\nname='h'\nin='header'\nkey='x-key'\n";
        let way = "query={k='${secret:q}'}\nbody={key='${secret:key}'}\n";
        let it = built(tool, way, r#"{"key":"mine","k":"mine","h":"mine"}"#).unwrap();
        assert_eq!(it.body.unwrap(), r#"{"key":"body-canary"}"#);
        assert_eq!(it.url.expose().query(), Some("k=a%26b%3Dc"));
        assert_eq!(it.headers["x-key"], "k");
        let missing = built(tool, "query={k='${secret:none}'}", "{}").err().unwrap();
        assert!(missing.contains("sign-in"), "{missing}");
    }

    #[test]
    fn a_header_takes_no_line_break() {
        let tool = "method='GET'\npath='/a'\n[[args]]\nname='h'\nin='header'\nkey='x-h'\n";
        assert_eq!(built(tool, "", r#"{"h":"v"}"#).unwrap().headers["x-h"], "v");
        assert!(built(tool, "", r#"{"h":"v\r\nx: y"}"#).err().unwrap().contains("header"));
    }
}
