//! The positions of the switches that have more than two; the numbers are as in `quirks`.

use std::time::Duration;

/// Where the metadata of the server are; anything else is a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsMeta {
    /// RFC 8414 with the path inserted, and both forms of OpenID.
    All,
    /// RFC 8414 with the path inserted.
    Rfc8414,
    /// RFC 8414 at the root, whatever the path of the issuer.
    Rfc8414Root,
    /// OpenID with the path inserted.
    Oidc,
    /// OpenID with the path appended to.
    OidcAppend,
    None,
}

/// What a well-known that is not there answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    NotFound,
    /// 401, 403, 502 and the like, with a line of text (2).
    Status(u16),
    /// 200 and a page (3).
    Html,
    /// 200 and this text as JSON.
    Json(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    Own,
    /// With a slash that the URL of its metadata has not (9).
    Slash,
    Foreign(String),
    Missing,
}

/// Where a document has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// On the same origin, after so many redirects.
    Near(usize),
    /// The same path of another origin.
    Far(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    None,
    Basic,
    Post,
    /// A JWT that the client has signed (RFC 7523), ES256.
    PrivateKeyJwt,
}

impl AuthMethod {
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::None, Self::Basic, Self::Post, Self::PrivateKeyJwt];
        all.into_iter().find(|one| one.name() == name)
    }
}

/// How the server says that it does not know a client (14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// At the token endpoint; `FastMCP` and others say 400.
    pub token_status: u16,
    /// `invalid_client` or `unauthorized_client`.
    pub token_error: &'static str,
    /// At the authorize endpoint, as a page; Supabase says 422 and JSON of its own.
    pub authorize_status: u16,
    pub authorize_body: &'static str,
}

impl Default for Forgotten {
    fn default() -> Self {
        Self {
            token_status: 401,
            token_error: "invalid_client",
            authorize_status: 400,
            authorize_body: "<h1>Unknown client</h1>",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirect {
    /// The very string that was registered.
    Exact,
    /// Any port of a registered loopback URI (RFC 8252 section 7.3).
    AnyLoopbackPort,
    /// As `Exact`, and the host has to be `localhost`.
    LocalhostOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Issuer,
    TokenEndpoint,
    Either,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Grant,
    /// `access_denied`.
    Deny,
    /// The page never sends the user back.
    NoWayBack,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iss {
    /// Advertised and right.
    Right,
    /// Neither advertised nor there.
    None,
    /// Advertised and another.
    Wrong,
    /// Not advertised, and another.
    WrongUnannounced,
    /// Advertised and absent.
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForbidResource {
    /// `invalid_target` from the authorize endpoint (RFC 8707).
    AtAuthorize,
    /// `invalid_target` from the token endpoint; the authorize endpoint does not mind.
    AtToken,
    /// `invalid_target` with the text AADSTS9010010, from both, as Entra does.
    Entra,
    /// As `Entra`, and only the text says so: the error is `invalid_request`.
    EntraByText,
    /// As `Entra`, and the authorize endpoint shows a page from which no way leads back.
    EntraPage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// It changes nothing.
    Free,
    /// Without it `offline_access` is left out in silence.
    Needed,
    /// It is an error, as in a tenant of Entra where the administrator consents.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The refresh token stays what it is.
    Never,
    /// A new one each time; the old one again revokes all (24, Notion).
    Strict,
    /// The old one works for so long after its use (24, Linear).
    Grace(Duration),
    /// The old one works until the new one is used (24, Cloudflare).
    UntilUsed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiresIn {
    Number,
    String,
    Float,
    Zero,
    Missing,
    Null,
    /// Only in the `exp` of an access token that is a JWT.
    Jwt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyForm {
    Json,
    /// `access_token=…&scope=…`, as GitHub where it is not asked for JSON.
    Form,
    /// As `Form`, unless the request accepts JSON.
    FormUnlessAsked,
    /// `token_type` is `user`.
    UserToken,
    /// There is no `token_type`.
    NoTokenType,
    /// In `authed_user`, as Slack.
    AuthedUser,
    /// The scopes have commas between them.
    CommaScopes,
}

/// What becomes of one token request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFail {
    /// 500 and a page.
    Html500,
    /// 530 and a page, as Cloudflare.
    Cloudflare530,
    /// 429, with `Retry-After` in seconds where given.
    TooMany(Option<u64>),
    /// No answer; nothing is done.
    Hang,
    /// The tokens change, and there is no answer.
    HangAfterWork,
    /// The connection ends; nothing is done.
    Cut,
    /// The tokens change, and the connection ends.
    CutAfterWork,
    /// 200 and `{"ok":false,"error":"…"}`.
    OkFalse(&'static str),
    /// 200 and `{"error":"…"}`.
    ErrorWith200(&'static str),
    /// This status, and an OAuth error.
    Error(u16, &'static str),
    /// The true answer, in another form.
    As(ReplyForm),
    /// This status, content type and body.
    Raw(u16, &'static str, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceConsent {
    /// Who opens the page with the user's code; until then `authorization_pending`.
    ByBrowser,
    /// Nobody opens anything; yes after so many polls.
    AfterPolls(usize),
    /// `access_denied`.
    Denied,
    /// `expired_token`.
    Expired,
}
