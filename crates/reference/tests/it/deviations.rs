//! Where a document says something else than the contract, and why that is right.

/// Surface, pattern of the difference (`*` stands for anything), reason.
pub const DEVIATIONS: &[(&str, &str, &str)] = &[
    // partner
    (
        "partner",
        "POST /api/v1/partners/{partner_slug}/webhook-subscriptions request body.events: maxItems 100 is asked for here alone",
        "a list that is matched against every event must end somewhere; one `*` says more than a hundred names",
    ),
    (
        "partner",
        "POST /api/v1/partners/{partner_slug}/webhook-subscriptions request body.events[]: * is asked for here alone",
        "the contract says in words what a filter is: a type, the beginning of types, or all; anything else would never \
         match, and its sender would never know",
    ),
    (
        "partner",
        "POST /api/v1/partners/{partner_slug}/webhook-subscriptions request body.url: maxLength 2048 is asked for here alone",
        "longer URLs are refused by servers and proxies on their way, so that no delivery would ever arrive",
    ),
    // crm
    (
        "crm",
        "* request body.data.*: maxLength * is asked for here alone",
        "every stored text has an end; the contract names none",
    ),
    (
        "crm",
        "* request body.data.name: minLength 1 is asked for here alone",
        "the contract's own example of a 422 is a blank name",
    ),
    ("crm", "* request body.data.name: pattern * is asked for here alone", "white space is blank as well"),
    (
        "crm",
        "* request body.data.status: * is asked for here alone",
        "a lead has a status, so it cannot be cleared",
    ),
    ("crm", "PATCH *: is no longer required", "a change sends only the fields that change"),
    (
        "crm",
        "* request body.data.currency: pattern * is asked for here alone",
        "a currency is a code of ISO 4217",
    ),
    ("crm", "* request body.data.slug: pattern * is asked for here alone", "a slug is part of an address"),
    (
        "crm",
        "* request body.data.price_cents: m* is asked for here alone",
        "a price is not negative, and 64 bits are what is kept of it",
    ),
    (
        "crm",
        "* request body.data.tax_rate_percent: m* is asked for here alone",
        "per cent of the price: 0 to 100",
    ),
    (
        "crm",
        "* request body.data.tags: maxItems 50 is asked for here alone",
        "a list that is stored has an end",
    ),
    // lex
    (
        "lex",
        "* request body*.lex.header.*: m* is asked for here alone",
        "the standard's own bounds of ids (reference §3), and 255 characters where it names none",
    ),
    (
        "lex",
        "* request body*.lex.header.version: pattern * is asked for here alone",
        "the standard's version 1 is what is spoken",
    ),
    (
        "lex",
        "POST /v1/leads request body.lex.payload.lead.*: is required here alone",
        "what the standard's schema asks of a LEAD at its first level",
    ),
    (
        "lex",
        "* 400 body: may be something else as well",
        "a 400 of the gateway, such as for a broken-off body, is no verdict on a message",
    ),
    (
        "lex",
        "GET /v1/messages/{messageId} 200 body.message: may be something else as well",
        "a refused message is kept word for word, whatever it lacks",
    ),
    (
        "lex",
        "GET /v1/schema/{messageType}: *",
        "schemas are open to everybody: a partner reads them before it has a credential",
    ),
    (
        "lex",
        "credential oauth2: is of another kind",
        "the contract leaves the address of tokens open; ours is the gateway's own",
    ),
    (
        "lex",
        "POST /v1/conformance/run request body.*: m* is asked for here alone",
        "bounds of what is stored with the report",
    ),
    (
        "lex",
        "POST /v1/subscriptions request body.*: m* is asked for here alone",
        "bounds of what is stored: 100 names in a list, 2,048 characters of an address, 256 of a secret, none empty",
    ),
    // platform
    (
        "platform",
        "* request body.*: m* is asked for here alone",
        "the contract bounds names, pages and retries only; whatever else is stored has an end, which lies beyond use, and \
         nothing that is empty or below one can be meant",
    ),
    (
        "platform",
        "* request body.*: takes format * alone",
        "the contract calls these URLs and e-mail addresses",
    ),
    (
        "platform",
        "* request body.name: pattern * is asked for here alone",
        "a name of white space names nothing",
    ),
    (
        "platform",
        "* request body.scopes[]: pattern * is asked for here alone",
        "a scope that nothing asks for would be a right that nobody has",
    ),
    (
        "platform",
        "* request body.events[]: pattern * is asked for here alone",
        "anything but a type, a prefix or everything would never match, and its owner would never know",
    ),
    (
        "platform",
        "GET * query *: takes a list of values alone",
        "the values of these words stand elsewhere in the contract; any other is a slip of the pen, which an empty list \
         would hide",
    ),
    (
        "platform",
        "GET * query *: m* is asked for here alone",
        "pages are counted from 1, a page has a row at least",
    ),
    (
        "platform",
        "* path webhookId: takes format uuid alone",
        "all ids are UUIDs; the example in the contract is none",
    ),
    (
        "platform",
        "*api-clients* body.webhookSubscriptions: is array or null, not array",
        "a client is shown, and its change answered, also while the service that knows its webhooks is away; an empty list \
         would say that there are none",
    ),
    (
        "platform",
        "GET /api/v1/api-clients/{id}/dashboard 200 body.rateLimitStatus.*: is *null*",
        "while the counts cannot be read, any figure would be made up",
    ),
    (
        "platform",
        "GET /api/v1/webhook-events 200 body.data[]: may be *",
        "the contract's types come first, ours behind them",
    ),
];
