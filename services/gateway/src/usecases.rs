//! One verb per file; each opens its own transaction.

pub mod admit;
pub mod authenticate;
pub mod create_api_key;
pub mod create_client;
pub mod create_credential;
pub mod create_organization;
pub mod grant;
pub mod issue_token;
pub mod purge_jtis;
pub mod read_clients;
pub mod read_credentials;
pub mod read_organizations;
pub mod revoke_credential;
pub mod rotate_credential;
