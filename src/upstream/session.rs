//! Opening a session in the era that the server speaks, once for everybody who waits.

use super::{
    Inner, Transport,
    caps::Caps,
    deadline::Deadline,
    failure::Failure,
    legacy, modern, rest,
    retire::{End, Talks},
    said::said,
    strays::Strays,
    streamable::{self, Answer, SESSION_ID},
};
use crate::{
    auth::{AuthErrorKind, Challenge},
    kind::Era,
    net,
    wire::{
        era,
        error::{HEADER_MISMATCH, METHOD_NOT_FOUND, MISSING_CAPABILITY, UNSUPPORTED_VERSION},
        frame,
    },
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio_util::sync::CancellationToken;

/// How long a silent server may take over `server/discover` before `initialize` is tried: some
/// old ones never answer a request with `_meta` (rust-sdk#1142).
const DISCOVER: Duration = Duration::from_secs(5);

/// How long the first request of a session waits for its general stream.
const TUNING: Duration = Duration::from_secs(1);

/// How long a server that was asked for its era is not asked again because of a refusal.
const CERTAIN: Duration = Duration::from_mins(1);

/// How long "it is legacy" is believed without asking again: a server that has learned the new
/// era answers the old handshake all the same, and nothing would ever show it.
const LEGACY_FOR: Duration = Duration::from_hours(24);

/// An open session. A modern one is only what we know of the server.
#[derive(Debug)]
pub(super) struct Session {
    /// Counts sessions of this connection, so that one that is gone is given up once.
    pub(super) epoch: u64,
    pub(super) era: Era,
    pub(super) version: &'static str,
    /// Session id and version, sent with every request of a legacy session.
    pub(super) headers: HeaderMap,
    pub(super) about: About,
    /// When the server itself showed that it is of this era.
    pub(super) era_at: Option<SystemTime>,
    /// What we declared in `initialize`; nothing in a modern one, where each request says it.
    pub(super) declared: Caps,
    pub(super) talks: Talks,
    pub(super) strays: Strays,
    /// Cancelled when the general stream is open, or cannot be had.
    pub(super) tuned: CancellationToken,
    pub(super) end: End,
    /// Cancelled when the session is given up, with everything that lives on it.
    pub(super) over: CancellationToken,
}

/// What a server says of itself; JSON text but for the instructions.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    pub(super) server_info: Option<Bytes>,
    pub(super) capabilities: Option<Bytes>,
    pub(super) instructions: Option<String>,
}

impl Session {
    pub(super) fn new(era: Era, version: &'static str) -> Self {
        Self {
            epoch: 0,
            era,
            version,
            headers: HeaderMap::new(),
            about: About::default(),
            era_at: None,
            declared: Caps::default(),
            talks: Talks::default(),
            strays: Strays::default(),
            tuned: CancellationToken::new(),
            end: End::default(),
            over: CancellationToken::new(),
        }
    }

    /// True when the server can lose it: it gave us an id.
    pub(super) fn epoch_if_held(&self) -> Option<u64> {
        self.headers.contains_key(SESSION_ID).then_some(self.epoch)
    }

    /// True when all that `wants` can do was declared, as far as the revision can carry it.
    fn is_wide_enough(&self, wants: Option<&Caps>) -> bool {
        let Some(wants) = wants.filter(|_| self.era == Era::Legacy) else { return true };
        self.declared.covers(wants) || self.declared.covers(&wants.at(self.version))
    }
}

impl Inner {
    /// The present session, opened when there is none.
    pub(super) async fn session(
        self: &Arc<Self>,
        deadline: &Deadline,
    ) -> Result<Arc<Session>, Failure> {
        self.session_for(None, deadline).await
    }

    /// The present session, opened when there is none, and opened anew when a client can do more
    /// than was declared. Single flight: others wait for the first.
    pub(super) async fn session_for(
        self: &Arc<Self>,
        wants: Option<&Caps>,
        deadline: &Deadline,
    ) -> Result<Arc<Session>, Failure> {
        if let Some(session) = &*self.session.load()
            && session.is_wide_enough(wants)
        {
            return Ok(Arc::clone(session));
        }
        if self.rest.is_some() {
            return Err(rest::no_such_method());
        }
        let waited =
            || Failure::TimedOut { detail: "no session within the time".to_owned(), sent: false };
        let _turn = deadline.run(self.opening.lock()).await.map_err(|_| waited())?;
        let present = self.session.load_full();
        if let Some(session) = &present
            && session.is_wide_enough(wants)
        {
            return Ok(Arc::clone(session));
        }
        let mut caps = Caps::read(&self.deps.declared.get());
        for more in [wants, present.as_ref().map(|session| &session.declared)] {
            caps = more.map_or_else(|| caps.clone(), |more| caps.and(more));
        }
        // A box, for it is seldom run and large: every call has room for what it awaits.
        let session = Arc::new(Box::pin(self.open(&caps, deadline)).await?);
        tracing::debug!(connection = %self.config.name, era = %session.era, version = session.version, "session opened");
        self.session.store(Some(Arc::clone(&session)));
        if let Some(old) = &present {
            self.retire(old);
        }
        self.listen(&session);
        if session.era == Era::Legacy && self.config.listen && session.declared.asks() {
            // A question that comes on the general stream is lost where that is not open yet.
            let tuned = tokio::time::timeout(TUNING, session.tuned.cancelled());
            let _late = Box::pin(deadline.run(tuned)).await;
        }
        self.restore(&session);
        Ok(session)
    }

    /// Gives up the session of this epoch; a newer one stays.
    pub(super) fn lost(&self, epoch: u64) {
        let present = self.session.load();
        if let Some(session) = present.as_ref().filter(|s| s.epoch == epoch) {
            session.over.cancel();
            self.session.store(None);
        }
    }

    /// The server was asked again for its era, and stayed with its refusal.
    pub(super) fn be_certain_of_era(&self) {
        self.track().certain = Some(Instant::now());
    }

    pub(super) fn era_is_certain(&self) -> bool {
        self.track().certain.is_some_and(|since| since.elapsed() < CERTAIN)
    }

    /// When the server last showed that it is legacy, if that is still to be believed.
    fn known_legacy(&self) -> Option<SystemTime> {
        let (era, at) = {
            let track = self.track();
            (track.era, track.era_at)
        };
        let at = at.filter(|_| era == Some(Era::Legacy))?;
        at.elapsed().is_ok_and(|age| age < LEGACY_FOR).then_some(at)
    }

    /// The server showed its era by its own words.
    fn shown(&self, session: Session) -> Session {
        let now = SystemTime::now();
        let mut track = self.track();
        (track.era, track.era_at) = (Some(session.era), Some(now));
        Session { era_at: Some(now), ..session }
    }

    async fn open(self: &Arc<Self>, caps: &Caps, deadline: &Deadline) -> Result<Session, Failure> {
        let epoch = self.next_id();
        if let Some(at) = self.known_legacy() {
            match self.initialize(epoch, caps, deadline).await {
                Ok(session) => return Ok(Session { era_at: Some(at), ..session }),
                Err(Failure::Status { status: ..=499, .. } | Failure::NotMcp { .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
        match self.discover(epoch, deadline).await {
            Ok(modern::Verdict::Modern(session)) => Ok(self.shown(*session)),
            Ok(modern::Verdict::Legacy) => {
                let session = self.initialize(epoch, caps, deadline).await?;
                Ok(self.shown(session))
            }
            Ok(modern::Verdict::Strange(detail)) => Err(Failure::NotMcp { detail }),
            // Silence, a 403, a 5xx or a page are no evidence of an era, so nothing is
            // remembered; but a server that chokes on the question may still answer the old one.
            Err(
                failure @ (Failure::TimedOut { .. }
                | Failure::NotMcp { .. }
                | Failure::Status { status: 403 | 408 | 500.., .. }),
            ) => match self.initialize(epoch, caps, deadline).await {
                Ok(session) => Ok(session),
                Err(Failure::NotMcp { detail }) => Err(Failure::NotMcp { detail }),
                Err(_) => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    async fn discover(
        self: &Arc<Self>,
        epoch: u64,
        deadline: &Deadline,
    ) -> Result<modern::Verdict, Failure> {
        let deadline = deadline.at_most(DISCOVER);
        let version = era::NEWEST_MODERN;
        let params = Bytes::from_static(b"{}");
        let params = modern::with_meta(&params, version, &self.said(None).modern);
        let headers = modern::headers(version, "server/discover", None);
        let sent = self.ask(&headers, "server/discover", &params, &deadline).await;
        match sent {
            Ok((Answer::Result(result), _)) => Ok(modern::discovered(epoch, &result)),
            Ok((Answer::Error(error), _)) => Ok(modern::refused(epoch, &error)),
            Err(Failure::Status { status, error: Some(error), .. })
                if is_evidence(status) || speaks_of_era(error.code) =>
            {
                Ok(modern::refused(epoch, &error))
            }
            Err(Failure::Status { status, .. }) if is_evidence(status) => {
                Ok(modern::Verdict::Legacy)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn initialize(
        self: &Arc<Self>,
        epoch: u64,
        caps: &Caps,
        deadline: &Deadline,
    ) -> Result<Session, Failure> {
        let mut refusal = None;
        for version in era::dates(Era::Legacy) {
            let declared = caps.at(version);
            let params = legacy::initialize_params(version, declared.render(true));
            let answer = self.ask(&HeaderMap::new(), "initialize", &params.into(), deadline).await;
            match answer {
                Ok((Answer::Result(result), session_id)) => {
                    let session = legacy::opened(epoch, &result, session_id.as_ref())?;
                    self.initialized(&session, deadline).await?;
                    return Ok(Session { declared, ..session });
                }
                Ok((Answer::Error(error), _)) => {
                    let detail = said(&error.message(), 200);
                    let failure = Failure::Status { status: 400, detail, error: None };
                    if !legacy::is_about_version(&failure) {
                        return Err(Failure::NotMcp {
                            detail: format!(
                                "it refused initialize: {}",
                                said(&error.message(), 200)
                            ),
                        });
                    }
                    refusal.get_or_insert(failure);
                }
                Err(failure) if legacy::is_about_version(&failure) => {
                    refusal.get_or_insert(failure);
                }
                Err(Failure::Status { status: 405, .. }) => {
                    return Err(Failure::NotMcp {
                        detail:
                            "it takes no POST (HTTP 405): perhaps a server of the old HTTP+SSE \
                                 transport, which this version does not speak"
                                .to_owned(),
                    });
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(refusal
            .unwrap_or(Failure::NotMcp { detail: "it speaks no version of ours".to_owned() }))
    }

    /// Tells a legacy server that we are ready, before anything else is sent.
    async fn initialized(
        self: &Arc<Self>,
        session: &Session,
        deadline: &Deadline,
    ) -> Result<(), Failure> {
        let body = frame::notification("notifications/initialized", None);
        let Transport { route, prepared } = self.transport(deadline).await?;
        streamable::post(
            &route,
            &prepared,
            &session.headers,
            session.epoch_if_held(),
            body,
            deadline,
        )
        .await
        .map(drop)
    }

    /// Sends a request outside of any session, and gives back the session id of the answer.
    async fn ask(
        self: &Arc<Self>,
        headers: &HeaderMap,
        method: &str,
        params: &Bytes,
        deadline: &Deadline,
    ) -> Result<(Answer, Option<HeaderValue>), Failure> {
        let mut again = true;
        loop {
            let Transport { route, prepared } = self.transport(deadline).await?;
            let id = self.next_id();
            let body = frame::request(&crate::wire::Id::number(id), method, Some(params));
            let sent = streamable::post(&route, &prepared, headers, None, body, deadline).await;
            let response = match sent {
                Err(Failure::Unauthorized { generation, challenge, .. }) if again => {
                    again = false;
                    self.renew(generation, challenge).await?;
                    continue;
                }
                other => other?,
            };
            let session_id = response.headers().get(SESSION_ID).cloned();
            let quiet = super::incoming::Quiet;
            let answer = streamable::answer(response, id, deadline, &quiet).await;
            return answer.map(|answer| (answer, session_id)).map_err(|(failure, _)| failure);
        }
    }

    /// Gets another credential in the place of the one that was refused with `challenge`.
    pub(super) async fn renew(
        &self,
        generation: u64,
        challenge: Option<Box<Challenge>>,
    ) -> Result<(), Failure> {
        let renewed = Box::pin(self.config.credentials.rejected(generation)).await;
        match renewed {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == AuthErrorKind::NeedsAuth => {
                Err(Failure::Unauthorized { generation, detail: error.detail(), challenge })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Client and credential for one request; the URL may not leave https but for loopback.
    pub(super) async fn transport(&self, deadline: &Deadline) -> Result<Transport, Failure> {
        let not_ready = || Failure::TimedOut {
            detail: "the credential was not read in time".to_owned(),
            sent: false,
        };
        let prepared =
            deadline.run(self.config.credentials.prepare()).await.map_err(|_| not_ready())??;
        let url = prepared.url.expose();
        if let Some(why) = net::refuse_scheme(url, self.config.allow_http) {
            return Err(Failure::Net(net::NetError::Scheme(why)));
        }
        let route = if let Some(route) = self.route.get() {
            route.clone()
        } else {
            let route = Box::pin(self.deps.net.route(url, self.config.connect_timeout)).await?;
            self.route.get_or_init(|| route).clone()
        };
        Ok(Transport { route, prepared })
    }
}

/// True for a status that says something of the server's era; 401, 403 and 429 speak of the
/// caller, and 408 and 5xx of the moment (as the TypeScript SDK has it).
fn is_evidence(status: u16) -> bool {
    matches!(status, 400..=499) && !matches!(status, 401 | 403 | 408 | 429)
}

/// True for an error that only a server of a certain era says to `server/discover`, whatever the
/// status that it came with.
fn speaks_of_era(code: i64) -> bool {
    matches!(code, METHOD_NOT_FOUND | HEADER_MISMATCH | MISSING_CAPABILITY | UNSUPPORTED_VERSION)
}
