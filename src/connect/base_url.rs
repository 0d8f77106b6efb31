//! A proxy or a host of one's own in the place of a vendor's.

use url::Url;

/// What stands before the path of every URL of the manifest.
pub(super) struct Base {
    /// Without a slash at its end.
    prefix: String,
    /// With the port.
    pub(super) host: String,
}

impl Base {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("base_url {text:?} cannot be used: {why}");
        let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
        let host = url.host_str().ok_or_else(|| bad("it names no host"))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it has a query or a fragment"));
        }
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let prefix = url.as_str().trim_end_matches('/').replace('$', "$$");
        Ok(Self { prefix, host })
    }

    /// The path and the query of `url` behind our own host.
    pub(super) fn of(&self, url: &str) -> String {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
        format!("{}{path}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_before_every_path() {
        let base = Base::read("http://127.0.0.1:8/x/").unwrap();
        assert_eq!(base.of("https://${param:a}.kommo.com/api/v4"), "http://127.0.0.1:8/x/api/v4");
        assert_eq!(base.of("https://www.kommo.com"), "http://127.0.0.1:8/x");
        assert_eq!(base.of("https://h?a=b"), "http://127.0.0.1:8/x?a=b");
        assert_eq!(base.host, "127.0.0.1:8");
        for bad in ["x", "https://h/?a", "mailto:x"] {
            assert!(Base::read(bad).is_err(), "{bad}");
        }
    }
}
