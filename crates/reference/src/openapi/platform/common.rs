//! What many operations of the platform surface share: refusals, pages, parameters.

use crate::openapi::operation::{Operation, json};
use crate::openapi::schema::{between_or, matching, text, uuid};
use utoipa::ToSchema;

/// Defines the body of the refusals of one status.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident: $code:ident $variant:ident;)*) => {$(
        $(#[$doc])*
        #[derive(ToSchema)]
        #[schema(rename_all = "camelCase")]
        pub struct $name {
            #[schema(inline)]
            pub error: $code,
            /// For people; programs go by `error`.
            pub message: String,
            #[schema(inline, nullable = false)]
            pub details: Option<ErrorDetails>,
            /// Seconds to wait before the same request may work.
            #[schema(minimum = 1, nullable = false)]
            pub retry_after: Option<i64>,
        }

        /// What went wrong.
        #[derive(ToSchema)]
        #[schema(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum $code {
            $variant,
        }
    )*};
}

refusals! {
    /// The body or the query breaks rules.
    Invalid: InvalidCode ValidationError;
    /// There is no credential, or none that works.
    Unauthorized: UnauthorizedCode Unauthorized;
    /// The key may not do this.
    Forbidden: ForbiddenCode Forbidden;
    /// It does not exist, or not for this key.
    NotFound: NotFoundCode NotFound;
    /// Something stands in the way.
    Conflict: ConflictCode Conflict;
    /// The body is too large.
    PayloadTooLarge: PayloadTooLargeCode PayloadTooLarge;
    /// The body is of another kind.
    UnsupportedMediaType: UnsupportedMediaTypeCode UnsupportedMediaType;
    /// The idempotency key was used for another request.
    IdempotencyMismatch: IdempotencyMismatchCode IdempotencyMismatch;
    /// A defect of ours.
    Internal: InternalCode InternalServerError;
    /// Something is down.
    Unavailable: UnavailableCode Unavailable;
}

/// What is wrong with a body or a query.
#[derive(ToSchema)]
pub struct ErrorDetails {
    #[schema(inline)]
    pub fields: Vec<WrongField>,
}

/// A field or parameter that breaks a rule.
#[derive(ToSchema)]
pub struct WrongField {
    /// Where it stands, with dots: `retryConfig.maxRetries`. Empty for the whole body.
    pub path: String,
    /// Which rule it breaks.
    pub message: String,
}

/// A rate limit is used up.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RateLimitError {
    #[schema(inline)]
    pub error: RateLimitCode,
    pub message: String,
    /// Seconds to wait, as in `Retry-After`.
    #[schema(minimum = 1)]
    pub retry_after: i64,
}

#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RateLimitCode {
    RateLimitExceeded,
}

/// Where a page stands in its list.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Pagination {
    #[schema(minimum = 1)]
    pub page: i64,
    #[schema(minimum = 1, maximum = 100)]
    pub limit: i64,
    /// Rows of all pages.
    #[schema(minimum = 0)]
    pub total: i64,
    #[schema(minimum = 0)]
    pub total_pages: i64,
}

/// The parameters of every list.
pub trait Common: Sized {
    /// `page` and `limit`.
    #[must_use]
    fn paged(self) -> Self;
    /// `limit` and `cursor` of a list that is walked, not counted.
    #[must_use]
    fn walked(self) -> Self;
    /// The organisation in the path.
    #[must_use]
    fn of_organization(self) -> Self;
    /// The client in the path.
    #[must_use]
    fn of_client(self) -> Self;
    /// `Idempotency-Key`, and what becomes of a repetition.
    #[must_use]
    fn once(self) -> Self;
    /// What is addressed does not exist, or not for this key.
    #[must_use]
    fn may_be_missing(self, what: &str) -> Self;
    /// It does not go with what is there.
    #[must_use]
    fn may_conflict(self, why: &str) -> Self;
}

impl Common for Operation {
    fn paged(self) -> Self {
        self.query("page", between_or(1, i64::from(i32::MAX), 1), "Which page, from 1.").query(
            "limit",
            between_or(1, 100, 20),
            "Rows of a page.",
        )
    }

    fn walked(self) -> Self {
        self.query("limit", between_or(1, 100, 50), "Rows of a page.").query(
            "cursor",
            text(),
            "`nextCursor` of the page before, with the same filters; anything else is refused.",
        )
    }

    fn of_organization(self) -> Self {
        self.path("id", uuid(), "The organisation.").may_be_missing("organisation")
    }

    fn of_client(self) -> Self {
        self.path("id", uuid(), "The client.").may_be_missing("client")
    }

    fn once(self) -> Self {
        let about = "Makes the request safe to repeat for 24 hours: the same request under the same key gets the first \
            answer again, byte for byte. Keys belong to the credential. Only what was done is remembered, not a refusal.";
        let key = matching("^[!-~]([ -~]{0,253}[!-~])?$");
        self.header("Idempotency-Key", key, about).answers(
            422,
            "`IDEMPOTENCY_MISMATCH`: the key was used for another request.",
            [json::<IdempotencyMismatch>()],
        )
    }

    fn may_be_missing(self, what: &str) -> Self {
        let about = format!("`NOT_FOUND`: there is no such {what}, or not for this key.");
        self.answers(404, &about, [json::<NotFound>()])
    }

    fn may_conflict(self, why: &str) -> Self {
        self.answers(409, &format!("`CONFLICT`: {why}."), [json::<Conflict>()])
    }
}
