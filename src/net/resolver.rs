//! A resolver that never answers with a forbidden address.
//!
//! The check is made on the very answer that is then connected to, so a name that resolves to
//! something else a moment later (DNS rebinding) gains nothing.

use super::address::AddressRule;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    io,
    net::{IpAddr, SocketAddr},
};

/// Why a name was not connected to. It is found again among the causes of a failed request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is at {address}, an address that it must not lead to")]
pub struct ForbiddenAddress {
    pub host: String,
    pub address: IpAddr,
}

/// Looks names up as the system does, and drops what `rule` forbids.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) rule: AddressRule,
    /// The user chose the proxy: its name may lead anywhere.
    pub(super) proxy_host: Option<String>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let is_proxy =
            self.proxy_host.as_ref().is_some_and(|proxy| proxy.eq_ignore_ascii_case(&host));
        let rule = (!is_proxy).then_some(self.rule);
        Box::pin(async move {
            let found = look_up(&host).await?;
            let kept = match rule {
                Some(rule) => keep(&host, found, rule)?,
                None => found,
            };
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// All addresses of a host; the port is 0.
pub(super) async fn look_up(host: &str) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.collect())
}

fn keep(
    host: &str,
    found: Vec<SocketAddr>,
    rule: AddressRule,
) -> Result<Vec<SocketAddr>, ForbiddenAddress> {
    let first = found.first().map(SocketAddr::ip);
    let kept: Vec<_> = found.into_iter().filter(|address| rule.allows(address.ip())).collect();
    match first {
        Some(address) if kept.is_empty() => {
            Err(ForbiddenAddress { host: crate::text::line(host, 100), address })
        }
        _ => Ok(kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(all: &[&str]) -> Vec<SocketAddr> {
        all.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn forbidden_answers_are_dropped_and_nothing_else_is_an_error() {
        let rule = AddressRule::default();
        let mixed = addresses(&["127.0.0.1", "1.1.1.1", "::ffff:a9fe:a9fe"]);
        assert_eq!(keep("h", mixed, rule), Ok(addresses(&["1.1.1.1"])));
        let error = keep("h.example", addresses(&["10.0.0.1"]), rule).unwrap_err();
        assert_eq!(
            error.to_string(),
            "h.example is at 10.0.0.1, an address that it must not lead to"
        );
        assert_eq!(keep("h", Vec::new(), rule), Ok(Vec::new()));
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_connected_to_unless_it_is_the_proxy() {
        let ask = async |proxy_host: Option<&str>| {
            let proxy_host = proxy_host.map(str::to_owned);
            let guarded = Guarded { rule: AddressRule::default(), proxy_host };
            guarded.resolve("localhost".parse().unwrap()).await.map(Iterator::count)
        };
        let error = ask(None).await.unwrap_err();
        assert!(error.downcast_ref::<ForbiddenAddress>().is_some(), "{error}");
        assert!(ask(Some("LocalHost")).await.unwrap() > 0);
    }
}
