//! A client's own command line, or its link, that adds the same entry.

use super::{ENTRY, Server};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

/// A line for the shell of this system.
pub(super) fn line<T: AsRef<str>>(words: &[T]) -> String {
    words.iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

/// `words` and what `server` launches, as a line.
pub(super) fn launch(mut words: Vec<String>, server: &Server) -> String {
    words.push(server.command().to_owned());
    words.extend(server.args().iter().cloned());
    line(&words)
}

/// The entry's variables as flags.
pub(super) fn variables(entry: &Map<String, Value>, field: &str, flag: &str) -> Vec<String> {
    let set = entry.get(field).and_then(Value::as_object).into_iter().flatten();
    set.flat_map(|(name, value)| {
        [flag.to_owned(), format!("{name}={}", value.as_str().unwrap_or_default())]
    })
    .collect()
}

/// A link that opens the client with the entry in it.
pub(super) fn link(start: &str, entry: &Map<String, Value>) -> String {
    let config = BASE64_STANDARD.encode(Value::Object(entry.clone()).to_string());
    let config = config.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("{start}?name={ENTRY}&config={config}")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(|c| plain(c) || (cfg!(windows) && c == '\\')) {
        return word.to_owned();
    }
    if cfg!(windows) {
        format!("\"{}\"", word.replace('"', "\\\""))
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn lines_can_be_pasted_into_a_shell() {
        assert_eq!(line(&["a", "/b c", "it's", ""]), r"a '/b c' 'it'\''s' ''");
    }

    #[test]
    fn links_hold_the_entry() {
        let entry = Map::from_iter([("command".to_owned(), Value::from("/a?>~"))]);
        let link = link("x://y", &entry);
        let config = link.strip_prefix("x://y?name=allmcp&config=").unwrap();
        assert!(!config.contains(['+', '/', '=']), "{config}");
        let config = config.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        let bytes = BASE64_STANDARD.decode(config).unwrap();
        assert_eq!(bytes, br#"{"command":"/a?>~"}"#);
    }
}
