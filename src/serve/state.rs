//! The `requestState` of a parked call (SEP-2322): signed by us, read by nobody else.
//!
//! The client is not trusted with it: it names a call of this process, the round that it answers
//! and when that ends, and its signature covers the request that it belongs to.

use crate::wire::{
    canonical,
    splice::{self, Edits},
};
use aws_lc_rs::{hmac, rand::SystemRandom};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::sync::OnceLock;

/// How every state of ours begins, of other processes too: one that we cannot read is refused,
/// never taken for an upstream's own.
const PREFIX: &str = "allmcp:";

/// The members of a request that a retry has to repeat.
const SAME: [&str; 3] = ["name", "uri", "arguments"];

/// What a state says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    /// The call, by its number in this process.
    pub(super) call: u64,
    /// How often the client was asked, this time included.
    pub(super) round: u64,
    /// In seconds of the clock of whoever signed it.
    pub(super) expires: u64,
}

impl Claim {
    fn text(&self) -> String {
        format!("{}.{}.{}", self.call, self.round, self.expires)
    }
}

/// Signs states; the key lives and ends with the process.
#[derive(Default)]
pub(super) struct Seal(OnceLock<Option<hmac::Key>>);

impl Seal {
    fn key(&self) -> Option<&hmac::Key> {
        let fresh = || hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok();
        self.0.get_or_init(fresh).as_ref()
    }

    /// The state; `None` where the system has no randomness to give.
    pub(super) fn sign(&self, claim: Claim, request: &[u8; 32]) -> Option<String> {
        let text = claim.text();
        let tag = hmac::sign(self.key()?, &signed(&text, request));
        Some(format!("{PREFIX}{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag)))
    }

    /// What the state says; `None` when it is not ours or was made for another request.
    pub(super) fn read(&self, state: &str, request: &[u8; 32]) -> Option<Claim> {
        let (text, tag) = state.strip_prefix(PREFIX)?.rsplit_once('.')?;
        let tag = BASE64_URL_SAFE_NO_PAD.decode(tag).ok()?;
        // Compares in constant time.
        hmac::verify(self.key()?, &signed(text, request), &tag).ok()?;
        let mut numbers = text.split('.').map(str::parse::<u64>);
        let mut number = || numbers.next()?.ok();
        Some(Claim { call: number()?, round: number()?, expires: number()? })
    }
}

fn signed(text: &str, request: &[u8; 32]) -> Vec<u8> {
    [text.as_bytes(), &[0], request].concat()
}

/// True for a state that we, or another process like us, have signed.
pub(super) fn is_ours(state: &str) -> bool {
    state.starts_with(PREFIX)
}

/// Another of us may be an upstream: what is passed on and looks like ours gets this in front.
const NOT_OURS: char = '~';

/// A result that asks, of an upstream, with a `requestState` that [`is_ours`] never takes for
/// ours.
pub(super) fn marked(result: &Bytes) -> Bytes {
    change(result, |state| looks_like_ours(state).then(|| format!("{NOT_OURS}{state}")))
}

/// The parameters of a retry with the `requestState` as the upstream gave it.
pub(super) fn unmarked(params: &Bytes) -> Bytes {
    change(params, |state| {
        let inner = state.strip_prefix(NOT_OURS)?;
        looks_like_ours(inner).then(|| inner.to_owned())
    })
}

fn looks_like_ours(state: &str) -> bool {
    is_ours(state.trim_start_matches(NOT_OURS))
}

fn change(object: &Bytes, new: impl FnOnce(&str) -> Option<String>) -> Bytes {
    let mut edits = Edits::new();
    if memchr::memmem::find(object, PREFIX.as_bytes()).is_some()
        && let Some(at) = splice::find(object, "requestState")
        && let Some(new) = splice::string(&object[at.clone()]).and_then(|state| new(&state))
    {
        edits.replace(at, splice::quote(&new).into_bytes());
    }
    edits.apply(object)
}

/// The digest of what a retry must have in common with its request, however it is written.
pub(super) fn digest(method: &str, params: &Bytes) -> [u8; 32] {
    let mut text = method.as_bytes().to_vec();
    for key in SAME {
        text.push(0);
        match splice::get(params, key) {
            Some(value) => canonical::push(&value, &mut text),
            // Clients may add what is the same as nothing.
            None if key == "arguments" => text.extend_from_slice(b"{}"),
            None => {}
        }
    }
    Sha256::digest(&text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(params: &'static str) -> [u8; 32] {
        digest("tools/call", &Bytes::from_static(params.as_bytes()))
    }

    #[test]
    fn only_what_we_signed_for_this_request_is_read() {
        let seal = Seal::default();
        let claim = Claim { call: 7, round: 1, expires: 600 };
        let request = of(r#"{"name":"t"}"#);
        let state = seal.sign(claim, &request).unwrap();
        assert!(is_ours(&state));
        assert_eq!(seal.read(&state, &request), Some(claim));
        assert_eq!(seal.read(&state, &of(r#"{"name":"u"}"#)), None);
        assert_eq!(seal.read(&state.replace("7.1.600", "7.1.999"), &request), None);
        assert_eq!(Seal::default().read(&state, &request), None, "of another process");
        for odd in ["", "allmcp:", "allmcp:7.1.600", "allmcp:7.1.600.", "allmcp:x.y.z.AAAA"] {
            assert_eq!(seal.read(odd, &request), None, "{odd}");
        }
    }

    #[test]
    fn a_state_of_another_of_us_is_told_apart_and_comes_back_as_it_was() {
        for state in ["allmcp:1.2.3.x", "~allmcp:1", "~~allmcp:1"] {
            let result = Bytes::from(format!(r#"{{"a":1.0, "requestState":"{state}"}}"#));
            let passed = marked(&result);
            let shown = splice::get_str(&passed, "requestState").unwrap().into_owned();
            assert_eq!(shown, format!("~{state}"));
            assert!(!is_ours(&shown));
            assert_eq!(unmarked(&passed), result);
        }
        for other in [r#"{"requestState":"~x"}"#, r#"{"requestState":7,"x":"allmcp:"}"#, "{}"] {
            let other = Bytes::from_static(other.as_bytes());
            assert_eq!((marked(&other), unmarked(&other)), (other.clone(), other));
        }
    }

    #[test]
    fn a_request_is_the_same_however_it_is_written() {
        let one = of(r#"{"name":"t","arguments":{"a":[1, {"c":"\u00e9","b":null}],"d":1.0}}"#);
        let other = r#"{"arguments":{ "d":1.0,"a":[1,{"b":null,"c":"é"}]} ,"name":"\u0074","_meta":{"x":1}}"#;
        assert_eq!(one, of(other));
        assert_ne!(one, of(r#"{"name":"t","arguments":{"a":[1,{"c":"é","b":null}],"d":1}}"#));
        assert_eq!(of(r#"{"name":"t"}"#), of(r#"{"name":"t","arguments":{}}"#));
        assert_ne!(of(r#"{"name":"t"}"#), of(r#"{"name":"t","arguments":{"a":1}}"#));
        assert_ne!(of(r#"{"name":"t"}"#), of(r#"{"uri":"t"}"#));
    }
}
