//! Encodings that the protocols of sign-in need, from the other side.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 with the URL alphabet and no padding (RFC 4648 section 5).
pub fn base64url(bytes: &[u8]) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let mut buffer = [0; 3];
        buffer[..three.len()].copy_from_slice(three);
        let all = u32::from_be_bytes([0, buffer[0], buffer[1], buffer[2]]);
        for place in 0..=three.len() {
            let six = (all >> (18 - 6 * place)) & 0x3f;
            out.push(char::from(URL_SAFE[six as usize]));
        }
    }
    out
}

/// Reads base64 with either alphabet, padded or not; nothing when it is neither.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let byte = match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => other,
        };
        let six = URL_SAFE.iter().position(|letter| *letter == byte)?;
        buffer = (buffer << 6) | u32::try_from(six).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
        }
    }
    Some(out)
}

/// The `S256` challenge of a verifier (RFC 7636 section 4.2).
pub fn s256(verifier: &str) -> String {
    base64url(&Sha256::digest(verifier.as_bytes()))
}

/// A value nobody can guess, behind a prefix that a search for leaks finds.
pub fn random(prefix: &str) -> String {
    format!("{prefix}{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

/// The parameters of a query or a form, in their order.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// The other direction.
pub fn form<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// `url` with parameters added, as text: nothing else of it is touched.
pub fn with_query(url: &str, pairs: &[(&str, String)]) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{}", form(pairs.iter().map(|(key, value)| (key, value))))
}

/// Applies a JSON merge patch (RFC 7396). As `null` takes a member away, `"__null__"` stands for
/// one that is there and null.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = if patch == "__null__" { Value::Null } else { patch.clone() };
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (key, value) in members {
        if value.is_null() {
            if let Some(object) = target.as_object_mut() {
                object.remove(key);
            }
        } else {
            merge(&mut target[key], value);
        }
    }
}
