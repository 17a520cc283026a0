//! What the control plane's handlers demand of their callers.

use crate::domain::scopes::{self, ADMIN};
use actix_web::HttpRequest;
use contracts::FaultCode;
use contracts::identity::Principal;
use platform::Fault;
use platform_http::Permission;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident: $scope:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Permission for $name {
            fn check(principal: &Principal, _: &HttpRequest) -> Result<(), Fault> {
                if scopes::has(principal, $scope) {
                    return Ok(());
                }
                Err(Fault::new(FaultCode::Forbidden, format!("the key lacks scope {}", $scope))
                    .requiring($scope))
            }
        }
    )*};
}

permissions! {
    /// `platform:admin`.
    Admin: ADMIN;
    /// `clients:read`, which write implies.
    ClientsRead: "clients:read";
    /// `clients:write`.
    ClientsWrite: "clients:write";
    /// `usage:read`.
    UsageRead: "usage:read";
}

/// `clients:read` and `usage:read`: a dashboard shows a client with its keys, and its usage.
#[derive(Clone, Copy, Debug)]
pub struct DashboardRead;

impl Permission for DashboardRead {
    fn check(principal: &Principal, request: &HttpRequest) -> Result<(), Fault> {
        ClientsRead::check(principal, request)?;
        UsageRead::check(principal, request)
    }
}

/// Any key of the platform surface.
#[derive(Clone, Copy, Debug)]
pub struct AnyKey;

impl Permission for AnyKey {
    fn check(_: &Principal, _: &HttpRequest) -> Result<(), Fault> {
        Ok(())
    }
}
