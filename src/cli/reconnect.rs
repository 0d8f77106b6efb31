//! `allmcp reconnect`: a new key, or a new sign-in, for a connection that is there.

use super::{
    connect::{tell, told},
    consent::{Asking, CONSENT},
    context::{Context, unknown_connection},
    error::{CliError, CliResult},
    exit::Exit,
    grammar::ReconnectArgs,
    provider::{self, AtTerminal},
    secrets::{self, Terminal},
};
use crate::{
    app,
    config::Target,
    connect::{self, People, prepare},
};

pub(super) async fn run(cx: &Context, args: ReconnectArgs) -> CliResult {
    let settings = cx.settings_to_change()?;
    let name = &args.name;
    let Some(connection) = settings.connection(name.as_str()) else {
        return Err(unknown_connection(name, &settings));
    };
    if !matches!(connection.target, Target::Url(_) | Target::Provider { .. }) {
        return Err(CliError::not_in_this_version("a connection without a URL").on(name.as_str()));
    }
    let secrets = secrets::given(&args.secrets)?;
    let vault = cx.vault(&settings, None);
    let deps = app::connect_deps(&cx.paths, &cx.env, &settings, vault, None);
    let ask = Terminal::new(cx);
    let consent = Asking::new(cx, "allmcp.reconnect/1", cx.browser(&settings, &args.browser));
    let work = async {
        let people = People { ask: &ask, consent: &consent, patience: CONSENT };
        let at = AtTerminal::new(&ask, false);
        let secrets = match prepare::again(&deps, &at, name, &cx.tenant, secrets).await {
            Ok(secrets) => secrets,
            Err(error) => return provider::told(error, &at).map(|()| Exit::FAILED),
        };
        let work = connect::reconnect(&deps, name, secrets, cx.tenant.clone(), people);
        match cx.out.waiting("connecting", work).await {
            Ok(connected) => tell(cx, "reconnect", &connected),
            Err(error) => {
                let there = deps.connections.connections().into_iter().find(|it| it.name == *name);
                let provider = there.and_then(|it| it.provider);
                let hint = provider::another_key(&error, provider.as_ref());
                Err(told(error, connection.target_source(), ask.failure()).better_hint(hint))
            }
        }
    };
    ask.interruptible(&deps.shutdown, Box::pin(work)).await
}
