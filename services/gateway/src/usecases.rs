//! One verb per file; each opens its own transaction.

pub mod admit;
pub mod audit;
pub mod authenticate;
pub mod change;
pub mod count_usage;
pub mod create_api_key;
pub mod create_client;
pub mod create_credential;
pub mod create_organization;
pub mod erase_person;
pub mod expire_usage;
pub mod grant;
pub mod issue_token;
pub mod know_origin;
pub mod locate;
pub mod once;
pub mod purge_jtis;
pub mod read_clients;
pub mod read_credentials;
pub mod read_organizations;
pub mod read_subscriptions;
pub mod read_usage;
pub mod revoke_credential;
pub mod rotate_credential;
pub mod update_client;
pub mod update_organization;
