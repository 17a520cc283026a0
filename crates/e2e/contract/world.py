"""Who calls in the contract test, and what there is to speak of: an organisation with a credential for every surface, and
things of its own that operations may change or delete. All of it is made through the API."""

import base64
import collections
import functools
import hashlib
import hmac
import itertools
import json
import os
import time
import uuid

import requests

# The most that may be asked for: the test is not about limits.
RATE_LIMIT = 1_000_000
# Nothing is sent anywhere but to this machine.
RECEIVER = os.environ.get("LEADWIRE_CONTRACT_RECEIVER", "http://127.0.0.1:9")
# Queues with nothing in their dead letters: one to replay, and one to look into, which a replay would be in the way of.
QUEUE = "crm-resources.organizations"
OTHER_QUEUE = "ingest.organizations"
LEX_SCOPES = [
    "lex:leads:read",
    "lex:leads:write",
    "lex:assets:read",
    "lex:assets:write",
    "lex:closures:write",
    "lex:subscriptions:manage",
    "lex:conformance",
]


def new_word(prefix):
    return f"{prefix}_{uuid.uuid4().hex[:12]}"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Gateway:
    """The gateway as somebody sees it who calls with the administrator's key, or with another."""

    def __init__(self, url, key):
        self.url, self.key = url, key
        self.session = requests.Session()

    def call(self, method, path, body=None, bearer=None):
        """An answer that must be a success, as JSON."""
        headers = {"Authorization": f"Bearer {bearer or self.key}"}
        answer = self.session.request(method, self.url + path, json=body, headers=headers, timeout=60)
        if not answer.ok:
            raise RuntimeError(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None


class Tenant:
    """An organisation with one client, and its credentials."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.slug = new_word("contract")
        self.lex_id = "CONTRACT-" + self.slug.split("_")[1].upper()
        plan = {
            "requestsPerMinutePerKey": RATE_LIMIT,
            "requestsPerMinutePerOrganization": RATE_LIMIT,
            "monthlyEventQuota": 1_000_000_000,
        }
        organization = {"slug": self.slug, "name": "Contract", "lexOrganizationId": self.lex_id, "plan": plan}
        self.id = gateway.call("POST", "/api/v1/organizations", organization)["id"]
        self.client = self.new_client()
        scopes = [f"{self.slug}:{scope}" for scope in ("leads:write", "webhooks:write")]
        self.service = self.new_credential("service", self.client, scopes)
        self.oauth = self.new_credential("oauth", self.client, LEX_SCOPES)
        app = {"slug": "contract", "name": "Contract"}
        self.ingest_key = self.new_key(surface="ingest", app=app)["key"]
        self.crm_key = self.new_key(surface="crm")["key"]

    def new_client(self, **more):
        body = {"organizationId": self.id, "name": new_word("client"), "redirectUris": [], "contactEmail": "ops@example.com"}
        return self.gateway.call("POST", "/api/v1/api-clients", body | more)["id"]

    def new_credential(self, kind, client, scopes):
        body = {"name": "contract", "scopes": scopes, "rateLimitOverride": RATE_LIMIT}
        return self.gateway.call("POST", f"/api/v1/api-clients/{client}/{kind}-credentials", body)

    def new_key(self, client=None, **more):
        body = {"clientId": client or self.client, "name": "contract", "rateLimitOverride": RATE_LIMIT}
        return self.gateway.call("POST", "/api/v1/api-keys", body | more)

    def service_token(self):
        """A service JWT for one request: each is good for one."""
        now = int(time.time())
        credential = self.service
        header = {"alg": "HS256", "typ": "JWT", "kid": credential["kid"]}
        claims = {
            "iss": credential["issuer"],
            "sub": credential["subject"],
            "aud": credential["audience"],
            "scopes": credential["scopes"],
            "kid": credential["kid"],
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid.uuid4()),
        }
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        secret = credential["secret"]
        key = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
        return f"{signed}.{base64url(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"

    def access_token(self):
        """An access token, a new one every ten minutes."""
        return self._access_token(int(time.monotonic() // 600))

    @functools.lru_cache(maxsize=1)
    def _access_token(self, _):
        form = {"grant_type": "client_credentials"}
        auth = (self.oauth["clientId"], self.oauth["clientSecret"])
        answer = requests.post(f"{self.gateway.url}/oauth/token", data=form, auth=auth, timeout=60)
        answer.raise_for_status()
        return answer.json()["access_token"]


class Surface:
    """What one surface needs: the bearer of a request, and real values for the parameters of its paths.

    `things` has a function for each path that begins so, which makes something new and says the parameters that lead to
    it. What an operation deletes or revokes is made for it alone."""

    # How many subscriptions of the test there are at a time; a client has at most a hundred.
    MOST = 30
    # The last words of paths whose operation leaves nothing to do for a second one.
    USED_UP = ("rotate", "rotate-secret", "recover", "convert", "replay")

    def __init__(self, gateway, tenant):
        self.gateway, self.tenant = gateway, tenant
        self.makers = self.things()
        self.undos = collections.deque()
        self.kept = {}
        self.counter = itertools.count()

    def bearer(self):
        raise NotImplementedError

    def things(self):
        raise NotImplementedError

    def call(self, method, path, body=None):
        return self.gateway.call(method, path, body, self.bearer())

    def parameters(self, method, template):
        """Parameters of a path that lead to something, or none where the path has none."""
        if "{" not in template:
            return {}
        prefix, make = next((maker for maker in self.makers if template.startswith(maker[0])), (None, dict))
        if method == "DELETE" or template.rsplit("/", 1)[-1] in self.USED_UP:
            return make()
        # Now and then something new: what can be done to a thing depends on its state.
        name = (prefix, next(self.counter) // 25)
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    def idempotency_key(self, body):
        """One that nobody has used."""
        return new_word("key")

    def recent(self, undo):
        """Only the latest of these are kept."""
        self.undos.append(undo)
        if len(self.undos) > self.MOST:
            self.undos.popleft()()

    def shape(self, template, body):
        """Puts real things into a valid body in the place of ids that nobody has. It stays valid."""

    def gone(self, path):
        """Deletes what may have been deleted already."""
        headers = {"Authorization": f"Bearer {self.bearer()}"}
        self.gateway.session.delete(self.gateway.url + path, headers=headers, timeout=60)

    def let_in(self, body):
        """Puts ids into an invalid body that it would be refused for before it is looked at."""

    def made(self, method, template, answer):
        """Is told what was made, so that what there may be only so many of is taken away again."""


def lately(body):
    """A recovery of what is kept: from an hour ago on."""
    if "since" in body:
        body["since"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
        body.pop("until", None)


class Partner(Surface):
    def bearer(self):
        return self.tenant.service_token()

    def things(self):
        base = "/api/v1/partners/{partner_slug}"
        return [
            (f"{base}/leads/{{", self.lead),
            (f"{base}/webhook-subscriptions/{{subscription_id}}/deliveries/", self.delivery),
            (f"{base}/webhook-subscriptions/{{", self.subscription),
            (base, lambda: {"partner_slug": self.tenant.slug}),
        ]

    def path(self, rest):
        return f"/api/v1/partners/{self.tenant.slug}{rest}"

    def lead(self):
        customer = {"first_name": "Grace", "last_name": "Hopper", "phone": "+15122321234", "email": "grace@example.com"}
        body = {"correlation_id": str(uuid.uuid4()), "customer": customer}
        lead = self.call("POST", self.path("/leads"), body)["data"]
        return {"partner_slug": self.tenant.slug, "lead_id": lead["lead_id"]}

    def subscription(self):
        body = {"url": f"{RECEIVER}/partner", "events": ["lead.created"]}
        made = self.call("POST", self.path("/webhook-subscriptions"), body)["data"]
        self.recent(lambda: self.delete(f"/webhook-subscriptions/{made['id']}"))
        return {"partner_slug": self.tenant.slug, "subscription_id": made["id"]}

    def delivery(self):
        parameters = self.subscription()
        path = self.path(f"/webhook-subscriptions/{parameters['subscription_id']}/test")
        return parameters | {"delivery_id": self.call("POST", path)["data"]["id"]}

    def made(self, method, template, answer):
        if method == "POST" and template.endswith("/webhook-subscriptions"):
            self.delete(f"/webhook-subscriptions/{answer['data']['id']}")

    def delete(self, path):
        self.gone(self.path(path))

    def shape(self, template, body):
        if "correlation_id" in body:
            body["correlation_id"] = str(uuid.uuid4())
        lately(body)


class Ingest(Surface):
    def bearer(self):
        return self.tenant.ingest_key

    def things(self):
        return [("/api/v1/ingest/workers/{", self.worker)]

    def worker(self):
        actor = {"externalId": new_word("worker"), "displayName": "Ada"}
        event = {"eventType": "ticket.resolved", "category": "code", "actor": actor}
        self.call("POST", "/api/v1/ingest/events", {"events": [event]})
        snapshot = {"snapshotType": "tickets_open", "actor": actor, "metrics": {"tickets_open": 7}}
        return {"id": self.call("POST", "/api/v1/ingest/snapshots", snapshot)["worker"]["id"]}

    def shape(self, template, body):
        """Somebody who exists is meant, or whom a name leads to."""
        events = body.get("events", [body])
        for actor in (event["actor"] for event in events if isinstance(event.get("actor"), dict)):
            if next(self.counter) % 2:
                actor["workerId"] = self.parameters("GET", "/api/v1/ingest/workers/{id}")["id"]
            else:
                actor.pop("workerId", None)
                actor["externalId"] = "somebody"


class Crm(Surface):
    def bearer(self):
        return self.tenant.crm_key

    def things(self):
        resources = ("products", "customers", "leads")
        of_resources = [(f"/api/v1/{name}/{{", functools.partial(self.resource, name)) for name in resources]
        return [*of_resources, ("/api/v1/automations/{", self.automation)]

    def resource(self, name):
        return {"id": self.call("POST", f"/api/v1/{name}", {"data": {"name": "Contract"}})["data"]["id"]}

    def automation(self):
        return {"id": new_automation(self.gateway, self.tenant.id)}


def automation(step=None):
    """One that is switched off, so that nothing sets it off but who asks for it."""
    step = step or {"set_metadata": {"seen": "yes"}}
    return {"name": new_word("automation"), "active": False, "trigger": {"type": "lead_updated"}, "steps": [step]}


def new_automation(gateway, organization, step=None):
    return gateway.call("PUT", f"/api/v1/organizations/{organization}/automations", automation(step))["id"]


def as_xml(value):
    """Members as elements; of a list each item is one."""
    if not isinstance(value, dict):
        return str(value)
    items = ((name, item) for name, of in value.items() for item in (of if isinstance(of, list) else [of]))
    return "".join(f"<{name}>{as_xml(item)}</{name}>" for name, item in items)


class Lex(Surface):
    def bearer(self):
        return self.tenant.access_token()

    def things(self):
        return [
            ("/v1/messages/{", self.message),
            ("/v1/leads/{", self.lead),
            ("/v1/subscriptions/{subscriptionId}/deliveries/{", self.delivery),
            ("/v1/subscriptions/{", self.subscription),
            ("/v1/conformance/report/{", self.report),
        ]

    def envelope(self, kind, payload):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        header = {
            "messageId": new_word("MSG"),
            "messageType": kind,
            "version": "1.0",
            "timestamp": now,
            "senderId": self.tenant.lex_id,
            "receiverId": "LEX-PLATFORM",
        }
        return {"lex": {"header": header, "payload": payload}}

    def lead_message(self):
        lead = {
            "leadId": new_word("LEAD"),
            "status": "EXPRESSED_INTEREST",
            "source": "MANUFACTURER_WEBSITE",
            "customer": {"firstName": "Grace", "lastName": "Hopper", "email": f"{new_word('grace')}@example.com"},
            "desiredProduct": {"productType": "VEHICLE", "manufacturers": ["Toyota"]},
            "metadata": {"createdAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "version": "1.0"},
        }
        return self.envelope("LEAD", {"lead": lead})

    def let_in(self, body):
        try:
            for message in body.get("messages", [body]):
                sender = message["lex"]["header"]["senderId"]
                if isinstance(sender, str) and 3 <= len(sender) <= 50:
                    message["lex"]["header"]["senderId"] = self.tenant.lex_id
        except (AttributeError, KeyError, TypeError):
            pass

    def xml(self, template):
        """A message that keeps the rules, as XML."""
        return as_xml(self.asset_message() if template == "/v1/assets" else self.lead_message())

    def asset_message(self):
        asset = {"assetId": new_word("ASSET"), "status": "AVAILABLE", "manufacturer": "Rivian", "model": "R1S", "year": 2026}
        return self.envelope("ASSET", {"asset": asset})

    def message(self):
        message = self.lead_message()
        self.call("POST", "/v1/messages", message)
        return {"messageId": message["lex"]["header"]["messageId"]}

    def lead(self):
        message = self.lead_message()
        self.call("POST", "/v1/messages", message)
        return {"leadId": message["lex"]["payload"]["lead"]["leadId"]}

    def subscription(self):
        body = {"eventTypes": ["ALL"], "deliveryEndpoint": f"{RECEIVER}/lex", "hmacSecret": "a-secret-of-ours"}
        made = self.call("POST", "/v1/subscriptions", body)["subscriptionId"]
        self.recent(lambda: self.gone(f"/v1/subscriptions/{made}"))
        return {"subscriptionId": made}

    def delivery(self):
        parameters = self.subscription()
        answer = self.call("POST", f"/v1/subscriptions/{parameters['subscriptionId']}/test")
        return parameters | {"deliveryId": answer.get("id") or answer["deliveryId"]}

    def report(self):
        body = {"organizationId": self.tenant.lex_id, "targetLevel": 1, "includeTestCases": ["TC-001"]}
        return {"sessionId": self.call("POST", "/v1/conformance/run", body)["sessionId"]}

    def made(self, method, template, answer):
        if method == "POST" and template == "/v1/subscriptions":
            self.gone(f"/v1/subscriptions/{answer['subscriptionId']}")

    def idempotency_key(self, body):
        """That of the message, where there is one."""
        try:
            name = body["lex"]["header"]["messageId"]
        except (KeyError, TypeError):
            name = None
        # Another one is refused, and one that is no header cannot be sent.
        return name if isinstance(name, str) and name.isascii() and name.isprintable() else new_word("key")

    def shape(self, template, body):
        """A message of this organisation, every other time with a payload that the standard's rules take."""
        for message in body.get("messages", [body]):
            if "lex" not in message:
                continue
            header = message["lex"]["header"]
            header |= {"messageId": new_word("MSG"), "senderId": self.tenant.lex_id}
            if next(self.counter) % 2:
                valid = (self.asset_message() if template == "/v1/assets" else self.lead_message())["lex"]
                message["lex"] = {"header": header | valid["header"], "payload": valid["payload"]}
        if "organizationId" in body:
            body |= {"organizationId": self.tenant.lex_id, "includeTestCases": ["TC-001"]}
        lately(body)


class Platform(Surface):
    """As the platform's administrator, with a client and a key of its own."""

    def __init__(self, gateway, tenant):
        scopes = ["platform:admin"]
        client = tenant.new_client(scopes=scopes, rateLimitTier="enterprise")
        self.key = tenant.new_key(client, scopes=scopes)["key"]
        self.other = Tenant(gateway)
        self.others_workers, self.others_lex = Ingest(gateway, self.other), Lex(gateway, self.other)
        super().__init__(gateway, tenant)

    def bearer(self):
        return self.key

    def things(self):
        organization, client = "/api/v1/organizations/{id}", "/api/v1/api-clients/{id}"
        return [
            (f"{organization}/automations/{{automationId}}/runs/{{", self.run),
            (f"{organization}/automations/{{", self.automation),
            (f"{organization}/crm/products/{{", functools.partial(self.record, "products", "productId")),
            (f"{organization}/crm/customers/{{", functools.partial(self.record, "customers", "customerId")),
            (f"{organization}/crm/leads/{{", functools.partial(self.record, "leads", "leadId")),
            (f"{organization}/events/{{", self.event),
            (f"{organization}/deliveries/{{", self.organizations_delivery),
            (f"{organization}/subscriptions/{{", self.organizations_subscription),
            (f"{organization}/ingest/workers/{{", self.worker),
            (f"{organization}/lex/messages/{{", self.lex_message),
            (f"{organization}/lex/conformance-reports/{{", self.conformance_report),
            (f"{organization}/lex/conformance-reports", lambda: {"id": self.other.id}),
            (organization, self.organization),
            (f"{client}/api-keys/{{", self.api_key),
            (f"{client}/service-credentials/{{", lambda: self.credential("service", "leads:read")),
            (f"{client}/oauth-credentials/{{", lambda: self.credential("oauth", None)),
            (f"{client}/webhooks/{{webhookId}}/deliveries/{{", self.delivery),
            (f"{client}/webhooks/{{", self.webhook),
            (client, self.client),
            ("/api/v1/admin/dead-letter-queues/{queue}/replays/{", self.replay),
            ("/api/v1/admin/dead-letter-queues/{queue}/replays", lambda: {"queue": QUEUE}),
            ("/api/v1/admin/dead-letter-queues/{", lambda: {"queue": OTHER_QUEUE}),
            ("/api/v1/admin/events/{", self.admin_event),
            ("/api/v1/admin/deliveries/{", self.admin_delivery),
            ("/api/v1/admin/subscriptions/{", self.admin_subscription),
        ]

    def organization(self):
        body = {"slug": new_word("other"), "name": "Other"}
        return {"id": self.call("POST", "/api/v1/organizations", body)["id"]}

    def client(self):
        return {"id": self.other.new_client()}

    def automation(self):
        return {"id": self.other.id, "automationId": new_automation(self.gateway, self.other.id)}

    def new_record(self, kind):
        """A record of the other organisation's CRM."""
        record = {"data": {"name": "Grace"}}
        return self.gateway.call("POST", f"/api/v1/{kind}", record, self.other.crm_key)["data"]["id"]

    def record(self, kind, name):
        return {"id": self.other.id, name: self.new_record(kind)}

    def new_lead(self):
        return self.new_record("leads")

    def run(self):
        """A run that died, because a receiver has refused it."""
        step = {"http_request": {"url": f"{RECEIVER}/refuse", "body": {}}}
        automation = new_automation(self.gateway, self.other.id, step)
        path = f"/api/v1/organizations/{self.other.id}/automations/{automation}/runs"
        run = self.call("POST", path, {"subject": self.new_lead()})["id"]
        for _ in range(100):
            if self.call("GET", path)["data"][0]["state"] == "dead_letter":
                break
            time.sleep(0.1)
        return {"id": self.other.id, "automationId": automation, "runId": run}

    def api_key(self):
        client = self.other.new_client()
        return {"id": client, "apiKeyId": self.other.new_key(client)["id"]}

    def credential(self, kind, scope):
        client = self.other.new_client()
        scopes = [f"{self.other.slug}:{scope}"] if scope else LEX_SCOPES
        return {"id": client, "credentialId": self.other.new_credential(kind, client, scopes)["id"]}

    def webhook(self):
        client = self.other.new_client()
        body = {"url": f"{RECEIVER}/platform", "events": ["lead.created"]}
        made = self.call("POST", f"/api/v1/api-clients/{client}/webhooks", body)
        return {"id": client, "webhookId": made["id"]}

    def delivery(self):
        parameters = self.webhook()
        path = f"/api/v1/api-clients/{parameters['id']}/webhooks/{parameters['webhookId']}/test"
        return parameters | {"deliveryId": self.call("POST", path)["id"]}

    def event(self):
        """The newest event of the other organisation."""
        self.delivery()
        path = f"/api/v1/organizations/{self.other.id}/events?limit=1"
        return {"id": self.other.id, "eventId": self.call("GET", path)["data"][0]["id"]}

    def organizations_delivery(self):
        return {"id": self.other.id, "deliveryId": self.delivery()["deliveryId"]}

    def organizations_subscription(self):
        return {"id": self.other.id, "subscriptionId": self.webhook()["webhookId"]}

    def worker(self):
        return {"id": self.other.id, "workerId": self.others_workers.worker()["id"]}

    def lex_message(self):
        """The newest message of the other organisation."""
        self.others_lex.message()
        path = f"/api/v1/organizations/{self.other.id}/lex/messages?limit=1"
        return {"id": self.other.id, "recordId": self.call("GET", path)["data"][0]["id"]}

    def conformance_report(self):
        return {"id": self.other.id, "sessionId": self.others_lex.report()["sessionId"]}

    def replay(self):
        """The newest replay of the queue: there is one at a time."""
        path = f"/api/v1/admin/dead-letter-queues/{QUEUE}/replays"
        newest = self.call("GET", path)["data"] or [self.call("POST", path, {})]
        return {"queue": QUEUE, "replayId": newest[0]["id"]}

    def admin_event(self):
        return {"eventId": self.event()["eventId"]}

    def admin_delivery(self):
        return {"deliveryId": self.delivery()["deliveryId"]}

    def admin_subscription(self):
        return {"subscriptionId": self.webhook()["webhookId"]}

    def made(self, method, template, answer):
        if method == "POST" and template.endswith("/webhooks"):
            self.gone(f"/api/v1/api-clients/{answer['clientId']}/webhooks/{answer['id']}")

    def shape(self, template, body):
        """What is asked for is that of the other organisation, as far as the rest of the body lets it."""
        last = template.rsplit("/", 1)[-1]
        if "clientId" in body:
            body["clientId"] = self.client()["id"]
        if last == "conformance-reports":
            body |= {"organizationId": self.other.lex_id, "includeTestCases": ["TC-001"]}
        elif "organizationId" in body:
            body["organizationId"] = self.other.id
        if "scopes" in body:
            scopes = {"service-credentials": [f"{self.other.slug}:leads:write"], "oauth-credentials": LEX_SCOPES}
            body["scopes"] = scopes.get(last, [])
        if "slug" in body:
            body |= {"slug": new_word("other"), "lexAliases": []}
            body.pop("lexOrganizationId", None)
        if "expiresAt" in body:
            body["expiresAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
        if "subject" in body:
            body["subject"] = self.new_lead()
        if last == "automations" and next(self.counter) % 2:
            body.clear()
            body |= automation()
        if last == "token":
            body.clear()
            body |= {"grant_type": "client_credentials", "client_id": self.other.oauth["clientId"]}
            body["client_secret"] = self.other.oauth["clientSecret"]
        lately(body)


SURFACES = {"partner": Partner, "ingest": Ingest, "crm": Crm, "lex": Lex, "platform": Platform}
