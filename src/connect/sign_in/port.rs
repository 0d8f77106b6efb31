//! Which port the callback of a connection has: the same one every time, where it can be had.

use crate::auth::OAuthConfig;
use sha2::{Digest as _, Sha256};

/// Above what services use, below what systems give to outgoing connections.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;
/// So many are tried before any other is taken.
const TRIED: u16 = 4;

/// The ports to try, best first. Authorization servers compare the whole redirect URI, port and
/// all (sentry-mcp#1190), so a new port costs a new registration.
pub(super) fn candidates(config: &OAuthConfig, account: &str, before: Option<u16>) -> Vec<u16> {
    if let Some(fixed) = config.callback_port {
        return vec![fixed];
    }
    let hash = Sha256::digest(account.as_bytes());
    let start = u16::from_be_bytes([hash[0], hash[1]]) % COUNT;
    let own = (0..TRIED).map(|step| FIRST + (start + step * 997) % COUNT);
    let mut ports: Vec<u16> = before.into_iter().chain(own).collect();
    ports.push(0);
    ports
}

/// What the authorization server is told to send the browser back to (RFC 8252, 7.3).
pub(super) fn redirect_uri(config: &OAuthConfig, port: u16) -> String {
    let host = config.callback_host.as_deref().unwrap_or("127.0.0.1");
    format!("http://{host}:{port}{}", super::callback::PATH)
}

/// The port of a redirect URI of ours.
pub(super) fn of(redirect_uri: &str) -> Option<u16> {
    url::Url::parse(redirect_uri).ok()?.port()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_keeps_its_port_and_others_have_theirs() {
        let config = OAuthConfig::default();
        let ports = candidates(&config, "kommo", None);
        assert_eq!(ports, candidates(&config, "kommo", None));
        assert_ne!(ports[0], candidates(&config, "linear", None)[0]);
        assert_eq!(candidates(&config, "kommo", Some(7))[0], 7);
        assert!(ports[..4].iter().all(|port| (FIRST..FIRST + COUNT).contains(port)));
        assert_eq!(ports[4], 0);
        let fixed = OAuthConfig { callback_port: Some(8123), ..config };
        assert_eq!(candidates(&fixed, "kommo", Some(7)), [8123]);
        assert_eq!(redirect_uri(&fixed, 8123), "http://127.0.0.1:8123/callback");
        assert_eq!(of("http://localhost:8123/callback"), Some(8123));
    }
}
