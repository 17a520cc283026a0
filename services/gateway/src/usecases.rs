//! One verb per file; each opens its own transaction.

pub mod admit;
pub mod authenticate;
pub mod create_api_key;
pub mod create_client;
pub mod create_organization;
pub mod create_service_credential;
pub mod grant;
pub mod purge_jtis;
pub mod read_clients;
pub mod read_credentials;
pub mod read_organizations;
pub mod revoke_credential;
