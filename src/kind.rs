//! The small closed sets that several rooms speak of, with the words that users see for them.
//!
//! Owns the spelling of each word. May name nothing. Called by everybody.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A word that is not in its set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not one of {valid}")]
pub struct KindError {
    pub text: String,
    pub valid: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            pub const WORDS: &[&str] = &[$($word),+];

            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }

        impl FromStr for $name {
            type Err = KindError;

            fn from_str(text: &str) -> Result<Self, KindError> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(KindError { text: text.to_owned(), valid: Self::WORDS.join(", ") }),
                }
            }
        }
    };
}

words!(
    /// How a connection proves who we are.
    AuthKind {
        None = "none",
        Key = "key",
        OAuth = "oauth",
        Enterprise = "enterprise",
        ClientCredentials = "client-credentials",
    }
);
words!(
    /// Where secrets are kept.
    StoreKind { Keychain = "keychain", File = "file", Passphrase = "passphrase" }
);
words!(
    /// How an upstream is reached.
    Transport { Auto = "auto", Http = "http", Sse = "sse", Stdio = "stdio" }
);
words!(
    /// How a connection is doing, in the words of every table, JSON document and tool.
    Status {
        Connected = "connected",
        NeedsAuth = "needs_auth",
        Error = "error",
        Paused = "paused",
        Disabled = "disabled",
        Unknown = "unknown",
    }
);
words!(
    /// What a circuit breaker lets through.
    BreakerState { Closed = "closed", Open = "open", HalfOpen = "half_open" }
);
words!(
    /// The two ways of speaking MCP: with `initialize` (to 2025-11-25) or without (SEP-2575).
    Era { Legacy = "legacy", Modern = "modern" }
);
words!(
    /// What happens to a tool definition that changed since it was last approved.
    Pin { Off = "off", Warn = "warn", Block = "block" }
);
words!(
    /// What policy says of a class of tools.
    Rule { Allow = "allow", Ask = "ask", Deny = "deny" }
);
words!(
    /// Whether clients see every upstream tool or find them by search.
    Mode { Full = "full", Smart = "smart", Auto = "auto" }
);
words!(
    /// How the body of a token request is written; OAuth knows only the form (RFC 6749, 4.1.3).
    #[derive(Default)]
    TokenBody { #[default] Form = "form", Json = "json", Query = "query" }
);
words!(
    /// Whether a sign-in is bound to its code by PKCE (RFC 7636): the server has to announce it, it
    /// is sent to all alike, or the server refuses requests that have it.
    #[derive(Default)]
    Pkce { Required = "required", #[default] Supported = "supported", Unsupported = "unsupported" }
);
words!(
    /// A parameter of the authorization request (RFC 6749, 4.1.1) that some servers do not take.
    AuthorizeParam {
        ResponseType = "response_type",
        RedirectUri = "redirect_uri",
        Scope = "scope",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_a_wrong_one_names_the_right_ones() {
        for word in AuthKind::WORDS {
            assert_eq!(word.parse::<AuthKind>().map(AuthKind::word), Ok(*word));
        }
        let error = "key chain".parse::<StoreKind>().unwrap_err().to_string();
        assert_eq!(error, "\"key chain\" is not one of keychain, file, passphrase");
        assert_eq!(serde_json::to_string(&Status::NeedsAuth).unwrap(), "\"needs_auth\"");
    }
}
