//! Opening a session in the era that the server speaks, once for everybody who waits.

use super::{
    Inner, Transport,
    deadline::Deadline,
    failure::Failure,
    legacy, modern,
    said::said,
    streamable::{self, Answer, SESSION_ID},
};
use crate::{
    auth::{AuthErrorKind, Challenge},
    kind::Era,
    net,
    wire::{era, frame, meta, splice::Edits},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How long a silent server may take over `server/discover` before `initialize` is tried: some
/// old ones never answer a request with `_meta` (rust-sdk#1142).
const DISCOVER: Duration = Duration::from_secs(5);

/// How long a server that was asked for its era is not asked again because of a refusal.
const CERTAIN: Duration = Duration::from_mins(1);

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
    /// True when the server can lose it: it gave us an id.
    pub(super) fn epoch_if_held(&self) -> Option<u64> {
        self.headers.contains_key(SESSION_ID).then_some(self.epoch)
    }
}

impl Inner {
    /// The present session, opened when there is none. Single flight: others wait for the first.
    pub(super) async fn session(
        self: &Arc<Self>,
        deadline: &Deadline,
    ) -> Result<Arc<Session>, Failure> {
        if let Some(session) = &*self.session.load() {
            return Ok(Arc::clone(session));
        }
        let waited =
            || Failure::TimedOut { detail: "no session within the time".to_owned(), sent: false };
        let _turn = deadline.run(self.opening.lock()).await.map_err(|_| waited())?;
        if let Some(session) = &*self.session.load() {
            return Ok(Arc::clone(session));
        }
        // A box, for it is seldom run and large: every call has room for what it awaits.
        let session = Arc::new(Box::pin(self.open(deadline)).await?);
        tracing::debug!(connection = %self.config.name, era = %session.era, version = session.version, "session opened");
        self.session.store(Some(Arc::clone(&session)));
        self.listen(&session);
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

    async fn open(self: &Arc<Self>, deadline: &Deadline) -> Result<Session, Failure> {
        let epoch = self.next_id();
        if self.known_era() == Some(Era::Legacy) {
            match self.initialize(epoch, deadline).await {
                Err(Failure::Status { status, .. }) if status < 500 => {}
                other => return other,
            }
        }
        match self.discover(epoch, deadline).await {
            Ok(modern::Verdict::Modern(session)) => {
                self.remember_era(Era::Modern);
                Ok(session)
            }
            Ok(modern::Verdict::Legacy) => {
                let session = self.initialize(epoch, deadline).await?;
                self.remember_era(Era::Legacy);
                Ok(session)
            }
            Ok(modern::Verdict::Strange(detail)) => Err(Failure::NotMcp { detail }),
            // Silence, a 5xx or a page are no evidence of an era, so nothing is remembered; but
            // a server that chokes on the question may still answer the old one.
            Err(
                failure @ (Failure::TimedOut { .. }
                | Failure::NotMcp { .. }
                | Failure::Status { status: 500.., .. }),
            ) => match self.initialize(epoch, deadline).await {
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
        let params = with_meta(&Bytes::from_static(b"{}"), version);
        let headers = modern::headers(version, "server/discover", None);
        let sent = self.ask(&headers, "server/discover", &params, &deadline).await;
        match sent {
            Ok((Answer::Result(result), _)) => Ok(modern::discovered(epoch, &result)),
            Ok((Answer::Error(error), _)) => Ok(modern::refused(epoch, &error)),
            Err(Failure::Status { status: 400.., error: Some(error), .. }) => {
                Ok(modern::refused(epoch, &error))
            }
            Err(Failure::Status { status: 400..=499, .. }) => Ok(modern::Verdict::Legacy),
            Err(failure) => Err(failure),
        }
    }

    async fn initialize(
        self: &Arc<Self>,
        epoch: u64,
        deadline: &Deadline,
    ) -> Result<Session, Failure> {
        let mut refusal = None;
        for version in era::dates(Era::Legacy) {
            let params = legacy::initialize_params(version);
            let answer = self.ask(&HeaderMap::new(), "initialize", &params.into(), deadline).await;
            match answer {
                Ok((Answer::Result(result), session_id)) => {
                    let session = legacy::opened(epoch, &result, session_id.as_ref())?;
                    self.initialized(&session, deadline).await?;
                    return Ok(session);
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

/// `params` with the `_meta` of a modern request.
pub(super) fn with_meta(params: &Bytes, version: &str) -> Bytes {
    let mut edits = Edits::new();
    meta::hop(&mut edits, params, &modern::own_meta(version));
    edits.apply(params)
}
