//! Going on where an answer ended: our cursors, and what they become in a request.

use super::{args::Args, json, schema};
use crate::{
    catalog::manifest::{Http, Pages, Tool},
    wire::splice,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;

/// First in every cursor: what comes from elsewhere is no cursor of ours.
const MARK: &str = "a1";

fn pages<'a>(tool: &Tool, http: &'a Http) -> Option<&'a Pages> {
    http.pages.get(tool.pages.as_ref()?)
}

fn kind(pages: &Pages) -> &'static str {
    match pages {
        Pages::Page { .. } => "page",
        Pages::Offset { .. } => "offset",
        Pages::Token { .. } => "token",
        Pages::Window { .. } => "window",
    }
}

fn encode(tool: &Tool, pages: &Pages, value: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{MARK}\n{}\n{}\n{value}", kind(pages), tool.name))
}

/// The value in a cursor. The error is a text for the model.
fn decode(tool: &Tool, pages: &Pages, cursor: &str) -> Result<String, String> {
    let foreign = || {
        "this \"cursor\" is not one that this tool gave; leave it out for the first page".to_owned()
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
    let text = String::from_utf8(bytes).map_err(|_| foreign())?;
    let mut parts = text.splitn(4, '\n');
    let (mark, kind_of, name) = (parts.next(), parts.next(), parts.next());
    if mark != Some(MARK) || kind_of != Some(kind(pages)) {
        return Err(foreign());
    }
    if name != Some(tool.name.as_str()) {
        return Err(format!(
            "this \"cursor\" is of the tool {:?}; leave it out for the first page",
            name.unwrap_or_default()
        ));
    }
    let value = parts.next().ok_or_else(foreign)?;
    let is_number = value.parse::<u64>().is_ok();
    if matches!(pages, Pages::Token { .. }) || is_number {
        Ok(value.to_owned())
    } else {
        Err(foreign())
    }
}

/// The vendor's parameter for the page that `args` ask for, as JSON; none for the first one.
pub(super) fn ask(tool: &Tool, http: &Http, args: &mut Args<'_>) -> Result<Option<Asked>, String> {
    let Some(pages) = pages(tool, http) else { return Ok(None) };
    let value = args.cursor.as_ref().map(|cursor| decode(tool, pages, cursor)).transpose()?;
    if let Pages::Window { from, to, span } = pages {
        narrow(args, from, to, *span, value.as_deref())?;
        return Ok(None);
    }
    let Some(value) = value else { return Ok(None) };
    Ok(Some(match pages {
        Pages::Page { query, .. } | Pages::Offset { query, .. } => {
            Asked { key: query.clone(), json: value.into() }
        }
        Pages::Token { query, .. } => {
            Asked { key: query.clone(), json: splice::quote(&value).into() }
        }
        Pages::Window { .. } => return Ok(None),
    }))
}

/// Leaves one span of what is asked for; `start`: where the one before ended.
fn narrow(
    args: &mut Args<'_>,
    from: &str,
    to: &str,
    span: u64,
    start: Option<&str>,
) -> Result<(), String> {
    let number = |name: &str| -> Option<u64> { json::plain(args.get(name)?).parse().ok() };
    // Without an end the vendor's own rule holds.
    let Some((first, last)) = number(from).zip(number(to)) else { return Ok(()) };
    if first > last {
        return Err(format!("{from:?} is after {to:?}"));
    }
    let start = start.and_then(|start| start.parse().ok()).unwrap_or(first);
    if !(first..=last).contains(&start) {
        return Err(format!(
            "this \"cursor\" is of another {from:?} and {to:?}; give them as they were with it"
        ));
    }
    let end = start.saturating_add(span.max(1) - 1).min(last);
    args.put(from, start);
    args.put(to, end);
    args.rest = (end < last).then(|| end + 1);
    Ok(())
}

/// A parameter that asks for a page.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) key: String,
    pub(super) json: Bytes,
}

/// The cursor of the page after this answer with `items` items, if there is one.
pub(super) fn next(
    tool: &Tool,
    http: &Http,
    args: &Args<'_>,
    answer: &Bytes,
    items: usize,
) -> Option<String> {
    let pages = pages(tool, http)?;
    let now: Option<u64> = match &args.cursor {
        Some(cursor) => decode(tool, pages, cursor).ok()?.parse().ok(),
        None => None,
    };
    let number =
        |place: &str| -> Option<u64> { json::plain(&json::at(answer, place)?).parse().ok() };
    let is_there = |place: &str| json::at(answer, place).is_some_and(|it| json::is_something(&it));
    let limit =
        schema::limit(tool, http).and_then(|arg| json::plain(args.get(&arg.name)?).parse().ok());
    let is_full = limit.map_or(items > 0, |limit: u64| items as u64 >= limit);
    let value = match pages {
        Pages::Page { first, more, count, .. } => {
            let now = now.unwrap_or(u64::from(*first));
            let goes_on = match (more, count) {
                (Some(more), _) => is_there(more),
                // Pages are counted from one, whatever the first one is called.
                (None, Some(count)) => {
                    number(count).is_some_and(|count| now + 1 - u64::from(*first) < count)
                }
                (None, None) => is_full,
            };
            goes_on.then(|| (now + 1).to_string())?
        }
        Pages::Offset { next, more, .. } => match (next, more) {
            (Some(next), _) => number(next)?.to_string(),
            (None, more) => {
                let goes_on = more.as_ref().map_or(is_full, |more| is_there(more));
                // A page without items would be asked for again and again.
                (goes_on && items > 0).then(|| (now.unwrap_or(0) + items as u64).to_string())?
            }
        },
        Pages::Window { .. } => args.rest?.to_string(),
        Pages::Token { next, .. } => {
            let token = json::at(answer, next)?;
            json::is_something(&token).then(|| json::plain(&token))?
        }
    };
    Some(encode(tool, pages, &value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::http_api::args;

    fn setting(pages: &str) -> (Tool, Http) {
        let http =
            format!("base_url='https://h'\ncheck={{method='GET',path='/'}}\n[pages.p]\n{pages}");
        let tool = "name='t'\ndescription='T'\nmethod='GET'\npath='/t'\npages='p'\n[[args]]\nname='limit'\ntype='integer'\ndefault=2\n";
        (toml::from_str(tool).unwrap(), toml::from_str(&http).unwrap())
    }

    /// The parameter that the page after `answer` is asked for with, twice.
    fn follow(pages: &str, answers: [(&str, usize); 2]) -> Vec<String> {
        let (tool, http) = setting(pages);
        let mut arguments = "{}".to_owned();
        let mut out = Vec::new();
        for (answer, items) in answers {
            let read = args::read(&tool, &Bytes::from(arguments.clone())).unwrap();
            let answer = Bytes::from(answer.to_owned());
            let Some(cursor) = next(&tool, &http, &read, &answer, items) else { break };
            arguments = format!("{{\"cursor\":\"{cursor}\"}}");
            let mut read = args::read(&tool, &Bytes::from(arguments.clone())).unwrap();
            let asked = ask(&tool, &http, &mut read).unwrap().unwrap();
            out.push(format!("{}={}", asked.key, String::from_utf8_lossy(&asked.json)));
        }
        out
    }

    #[test]
    fn each_kind_goes_on_until_the_vendor_says_so() {
        let more = r#"{"_links":{"next":{"href":"https://h/?page=2"}}}"#;
        let link = "kind='page'\nquery='page'\nmore='_links.next'";
        assert_eq!(follow(link, [(more, 2), (more, 2)]), ["page=2", "page=3"]);
        assert_eq!(follow(link, [(more, 2), ("{}", 2)]), ["page=2"]);
        let count = "kind='page'\nquery='page'\ncount='c'";
        assert_eq!(follow(count, [("{\"c\":2}", 2), ("{\"c\":2}", 2)]), ["page=2"]);
        let full = "kind='page'\nquery='page'\nlimit='limit'";
        assert_eq!(follow(full, [("{}", 2), ("{}", 1)]), ["page=2"]);
        let next = "kind='offset'\nquery='start'\nnext='next'";
        assert_eq!(follow(next, [("{\"next\":50}", 50), ("{}", 3)]), ["start=50"]);
        let sum = "kind='offset'\nquery='offset'\nmore='paging.next'";
        let yes = r#"{"paging":{"next":true}}"#;
        assert_eq!(follow(sum, [(yes, 2), (yes, 2)]), ["offset=2", "offset=4"]);
        assert_eq!(follow(sum, [(yes, 0), (yes, 2)]), Vec::<String>::new());
        let token = "kind='token'\nquery='pageToken'\nnext='n'";
        assert_eq!(
            follow(token, [("{\"n\":\"a\\nb\"}", 2), ("{\"n\":\"\"}", 2)]),
            ["pageToken=\"a\\nb\""]
        );
    }

    #[test]
    fn a_long_time_is_asked_for_in_spans() {
        let http = "base_url='https://h'\ncheck={method='GET',path='/'}\n[pages.p]\nkind='window'\nfrom='start'\nto='stop'\nspan=100\n";
        let tool = "name='t'\ndescription='T'\nmethod='GET'\npath='/t'\npages='p'\n[[args]]\nname='start'\ntype='integer'\nrequired=true\n[[args]]\nname='stop'\ntype='integer'\n";
        let (tool, http): (Tool, Http) =
            (toml::from_str(tool).unwrap(), toml::from_str(http).unwrap());
        let asked = |arguments: &str| {
            let mut read = args::read(&tool, &arguments.to_owned().into()).unwrap();
            ask(&tool, &http, &mut read).map(|page| {
                assert!(page.is_none());
                let cursor = next(&tool, &http, &read, &Bytes::from_static(b"{}"), 3);
                let of = |name| read.get(name).map(|json| json::plain(json));
                (of("start"), of("stop"), cursor)
            })
        };
        let mut cursor = String::new();
        let mut spans = Vec::new();
        loop {
            let arguments = format!(r#"{{"start":1000,"stop":1249{cursor}}}"#);
            let (start, stop, next) = asked(&arguments).unwrap();
            spans.push(format!("{}-{}", start.unwrap(), stop.unwrap()));
            let Some(next) = next else { break };
            cursor = format!(r#","cursor":"{next}""#);
        }
        assert_eq!(spans, ["1000-1099", "1100-1199", "1200-1249"]);
        assert_eq!(asked(r#"{"start":1000}"#).unwrap(), (Some("1000".into()), None, None));
        assert!(asked(r#"{"start":2,"stop":1}"#).unwrap_err().contains("after"));
        let other = asked(&format!(r#"{{"start":9000,"stop":9001{cursor}}}"#));
        assert!(other.unwrap_err().contains("of another"));
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        let (tool, http) = setting("kind='page'\nquery='page'");
        for cursor in ["2", "???", "YTEKcGFnZQp0CngK", "bm8"] {
            let json = format!("{{\"cursor\":\"{cursor}\"}}");
            let mut read = args::read(&tool, &Bytes::from(json)).unwrap();
            let error = ask(&tool, &http, &mut read).unwrap_err();
            assert!(error.contains("not one that this tool gave"), "{cursor}: {error}");
        }
        let other = BASE64_URL_SAFE_NO_PAD.encode("a1\npage\nother\n2");
        let mut read = args::read(&tool, &format!("{{\"cursor\":\"{other}\"}}").into()).unwrap();
        assert!(ask(&tool, &http, &mut read).unwrap_err().contains("of the tool \"other\""));
    }
}
