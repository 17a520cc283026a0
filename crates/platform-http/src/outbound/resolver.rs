//! Name resolution for guarded calls: what a name resolves to is vetted in the step that connects, so that
//! a name cannot show one address to the check and another to the connection.

use super::guard::{Guard, RefusedUrl};
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Finds the addresses of a host name. Tests put a hostile one in place of the system's.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The operating system's resolver.
pub fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    })
}

/// Why a name gave no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("the host name does not resolve")]
    Unresolved(#[source] io::Error),
    #[error(transparent)]
    Refused(RefusedUrl),
}

/// Resolves names and lets a name through only when all of its addresses may be connected to.
#[derive(Clone)]
pub(crate) struct GuardedResolver {
    pub(crate) guard: Guard,
    pub(crate) lookup: Lookup,
}

impl GuardedResolver {
    /// The vetted addresses of a name.
    pub(crate) async fn vetted(&self, name: String) -> Result<Vec<IpAddr>, LookupError> {
        let addresses = (self.lookup)(name).await.map_err(LookupError::Unresolved)?;
        if addresses.is_empty() {
            return Err(LookupError::Unresolved(io::ErrorKind::NotFound.into()));
        }
        for address in &addresses {
            self.guard.check_address(*address).map_err(LookupError::Refused)?;
        }
        Ok(addresses)
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.vetted(name.as_str().to_owned()).await?;
            // Port 0 stands for the port of the URL.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn resolver(answers: &'static [&'static [&'static str]]) -> GuardedResolver {
        let asked = AtomicUsize::new(0);
        let lookup: Lookup = Arc::new(move |_| {
            let turn = asked.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
            let answer = answers[turn].iter().map(|text| text.parse().unwrap()).collect();
            Box::pin(async move { Ok(answer) })
        });
        GuardedResolver { guard: Guard::default(), lookup }
    }

    #[tokio::test]
    async fn all_addresses_of_a_name_must_be_public() {
        assert_eq!(
            resolver(&[&["93.184.216.34", "2606:2800::1"]]).vetted("h".into()).await.unwrap().len(),
            2
        );
        for answer in [&["93.184.216.34", "10.0.0.1"][..], &["::ffff:169.254.169.254"], &["64:ff9b::a00:1"]] {
            let answers: &'static [&'static [&'static str]] = Box::leak(Box::new([answer]));
            let refused = resolver(answers).vetted("h".into()).await;
            assert!(matches!(refused, Err(LookupError::Refused(RefusedUrl::Address))), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_changes_its_mind_is_refused_when_it_does() {
        let rebinding = resolver(&[&["93.184.216.34"], &["127.0.0.1"]]);
        assert!(rebinding.vetted("h".into()).await.is_ok());
        assert!(rebinding.vetted("h".into()).await.is_err());
    }

    #[tokio::test]
    async fn a_name_without_addresses_does_not_resolve() {
        assert!(matches!(resolver(&[&[]]).vetted("h".into()).await, Err(LookupError::Unresolved(_))));
    }
}
