"""What is no failure although a document's schema says otherwise, each with its reason. One that nothing needs in a full run
is an error."""

import dataclasses
import re

REFUSED, ACCEPTED, METHODS = "RejectedPositiveData", "AcceptedNegativeData", "AllowHeaderMismatch"


@dataclasses.dataclass(frozen=True)
class Excuse:
    """Answers of a status to some operations, when their body has these words."""

    surface: str
    # The refusal of what is valid, the acceptance of what is not, or an `Allow` that names other methods.
    kind: str
    operations: str
    status: int
    words: str
    reason: str
    # And whose address has these.
    address: str = ""

    @property
    def name(self):
        return f"{self.surface}: {self.kind} {self.operations} {self.status} {self.words} {self.address}".rstrip()

    def covers(self, surface, failure, case, response):
        return (
            type(failure).__name__ == self.kind
            and surface == self.surface
            and response.status_code == self.status
            and re.search(self.operations, case.operation.label) is not None
            and re.search(self.words, response.text) is not None
            and re.search(self.address, response.request.url) is not None
        )


LISTS = r"^GET "
CURSOR = "Cursors are made by us and bound to a list: no schema says which texts are one."
KEY_USED = "A name of a request that was used for another one is refused: that is what it is for."
PATH = "A segment that servers could read in two ways, such as `..` or an encoded `/`, is refused before anything else."
CHANGED = "RFC 9110: `If-Match` with another version means that nothing is done."

NO_VALUE = "A parameter without a value is one that was left out."
NO_KEY = "A name of no characters names nothing."
RULES = (
    "The standard's rules about messages are not those of a schema: the reference has them, its cases test them. What no rule"
    " forbids, such as a signature of another shape, is passed on as it came."
)

ALL = [
    *(
        Excuse(surface, REFUSED, r"\{", 400, "path is not in normal form", PATH)
        for surface in ("partner", "ingest", "lex", "platform")
    ),
    Excuse("partner", REFUSED, "", 403, "does not belong to this partner", "Any slug is valid, and one is the caller's."),
    Excuse("partner", REFUSED, LISTS, 422, '"cursor"', CURSOR),
    Excuse("ingest", REFUSED, "", 400, "Idempotency-Key must not be empty", NO_KEY),
    Excuse("ingest", REFUSED, "/snapshots$", 400, "names of 1 to 200", "The name of a metric is shown."),
    Excuse("ingest", REFUSED, LISTS, 400, "cursor is not a nextCursor", CURSOR),
    Excuse("ingest", REFUSED, "/snapshots$", 400, "missing_actor", "A text of no characters identifies nobody."),
    Excuse("ingest", REFUSED, "/snapshots$", 400, "worker_not_found", "Any text may be the id of a worker."),
    Excuse("ingest", ACCEPTED, "/events$", 207, '"rejected":[^0]', "Each event of a batch has a verdict of its own."),
    Excuse("crm", REFUSED, LISTS, 422, "is not a next_cursor", CURSOR),
    Excuse("crm", REFUSED, "", 412, "precondition_failed", CHANGED),
    Excuse("crm", REFUSED, "", 422, "used for a different request", KEY_USED),
    Excuse("crm", REFUSED, "", 422, "Idempotency-Key can't be blank", NO_KEY),
    Excuse("crm", REFUSED, "/products", 422, "already been taken", "A company has a slug and a sku once."),
    Excuse("crm", REFUSED, "POST /api/v1/automations$", 422, "cannot be created", "The contract says so."),
    Excuse("crm", ACCEPTED, LISTS, 200, "", "A page or limit out of range is the nearest inside.", r"[?&](page|limit)="),
    Excuse("crm", ACCEPTED, LISTS, 200, "", NO_VALUE, r"[?&]\w+=(&|$)"),
    Excuse("lex", REFUSED, r"^POST /v1/(messages|leads|assets)", 400, '"valid":false', RULES),
    Excuse("lex", ACCEPTED, r"^POST /v1/(messages|leads|assets)", 200, '"valid":true', RULES),
    Excuse("lex", REFUSED, r"^POST /v1/(messages|leads|assets)", 403, "senderId", "Any name is valid, and some are the caller's."),
    Excuse("lex", REFUSED, LISTS, 400, "cursor", CURSOR),
    Excuse("lex", ACCEPTED, LISTS, 200, "", NO_VALUE, r"[?&]\w+=(&|$)"),
    Excuse("lex", REFUSED, "/conformance/run$", 403, "organizationId", "Any name is valid, and some are the caller's."),
    Excuse("lex", ACCEPTED, "/messages/batch$", 200, '"failureCount":[^0]', "Each message of a batch has a verdict of its own."),
    Excuse("lex", METHODS, "/messages/batch$", 405, "", "A message may be called `batch`, so there is a GET of this path."),
    Excuse("platform", ACCEPTED, LISTS, 200, "", NO_VALUE, r"[?&]\w+=(&|$)"),
    Excuse("platform", REFUSED, LISTS, 400, "is not a next(_c|C)ursor", CURSOR),
    Excuse("platform", REFUSED, "/usage$", 400, "dateFrom|dateTo", "Two dates have an order, and at most so many days between them."),
    Excuse("platform", REFUSED, "/events$", 400, "between 1 and", "Pages by number end at the 10,000th event, whatever the size of a page."),
    Excuse("platform", REFUSED, "", 422, "IDEMPOTENCY_MISMATCH", KEY_USED),
    Excuse("platform", REFUSED, "", 400, '"scopes', "The names of scopes have the slugs of organisations in them."),
    Excuse("platform", REFUSED, "POST /api/v1/api-keys$", 400, '"(app|allowedOrigins)', "Each surface has members of its own."),
    Excuse("platform", REFUSED, "", 400, '"expiresAt","message":"must lie in the future', "Time goes on, schemas do not."),
    Excuse("platform", REFUSED, "/webhooks", 400, "pause of more than", "The members of a retry policy have a limit together."),
    Excuse("platform", REFUSED, "/oauth/token$", 400, "more than once", "RFC 6749, 3.2: no parameter is there twice."),
    Excuse("platform", REFUSED, "/oauth/token$", 401, "invalid_client", "Any text may be the id of a client, or its secret."),
    Excuse("platform", REFUSED, "PUT .*/automations$", 400, '"steps', "Steps are programs: that one is right, no schema says."),
    Excuse("platform", METHODS, "/automations/validate$", 405, "", "An automation may have this name as its id, so there is a GET of this path."),
    Excuse("platform", REFUSED, "/erase$", 400, "where there is no", "One of the two is enough."),
]

# Operations that no request of the run is done by, and why.
NEVER_DONE = {
    "POST /api/v1/automations": "automations are written as files",
    "GET /api/v1/admin/dead-letter-queues/{queue}/messages/{messageId}": "no request can bring a dead letter about",
    "POST /api/v1/admin/dead-letter-queues/{queue}/replays/{replayId}/cancel": "a replay of nothing ends at once",
    "POST /api/v1/admin/dead-letter-queues/{queue}/replays/{replayId}/resume": "a replay of nothing ends at once",
}
