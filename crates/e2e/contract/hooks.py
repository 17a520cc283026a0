"""What schemathesis is told about Leadwire: who calls, which ids exist, which answers are meant. run.py loads it, once for
each surface, by way of schemathesis.toml."""

import atexit
import collections
import json
import os
import random
import threading

import schemathesis
from hypothesis import strategies
from schemathesis.core.parameters import ParameterLocation

import excuses
import world

SURFACE = os.environ["LEADWIRE_CONTRACT_SURFACE"]
GATEWAY = world.Gateway(os.environ["LEADWIRE_URL"], os.environ["LEADWIRE_ADMIN_KEY"])
CALLER = world.SURFACES[SURFACE](GATEWAY, world.Tenant(GATEWAY))
LOCK = threading.RLock()

# By operation: the statuses of its answers. By excuse: how often it was needed.
ANSWERS = collections.defaultdict(collections.Counter)
NEEDED = collections.Counter()

# Addresses are on this machine.
schemathesis.openapi.format(
    "uri", strategies.sampled_from([f"{world.RECEIVER}/{path}" for path in ("a", "b/c", "d?e=f", "%C3%A9")])
)


def with_alternatives(schema):
    """The same schema with `anyOf` in the place of lists of types, of which schemathesis forgets the format."""
    if isinstance(schema, list):
        return [with_alternatives(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "in" in schema and isinstance(schema.get("schema"), dict):
        # What is no parameter of the body is a text, there or not.
        kinds = schema["schema"].get("type")
        kind = next(kind for kind in kinds if kind != "null") if isinstance(kinds, list) else kinds
        schema = schema | {"schema": schema["schema"] | ({"type": kind} if kind else {})}
    schema = {name: with_alternatives(value) for name, value in schema.items()}
    types = schema.get("type")
    if not isinstance(types, list) or "enum" in schema:
        return schema
    about = {name: schema.pop(name) for name in ("description", "default", "example", "examples") if name in schema}
    return about | {"anyOf": [schema | {"type": kind} if kind != "null" else {"type": kind} for kind in types]}


# What a payload should be, the documents tell in two hundred schemas; what it must be are the standard's rules, which its own
# cases test. Here it is an object, as in the contract, and world.py has one that keeps the rules.
ANY_PAYLOAD = {
    "LexPayload": {"type": "object"},
    "LexLeadPayload": {"type": "object", "required": ["lead"], "properties": {"lead": {"type": "object"}}},
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    schemas = raw_schema.get("components", {}).get("schemas", {})
    schemas.update({name: schema for name, schema in ANY_PAYLOAD.items() if name in schemas})
    raw_schema.update(with_alternatives(raw_schema))


@schemathesis.serializer("application/xml", "text/xml")
def as_it_is(context, value):
    """A text that is XML, or none."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, case, context):
        with LOCK:
            return CALLER.bearer()

    def set(self, case, data, context):
        if case.operation.definition.raw.get("security") != []:
            case.headers["Authorization"] = f"Bearer {data}"
        # So that those who are tried without a credential do not use up the window of an address.
        case.headers["X-Forwarded-For"] = f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"


def location_is_valid(case, location):
    component = case.meta and case.meta.components.get(location)
    return component is None or component.mode.is_positive


@schemathesis.hook
def before_call(context, case, kwargs):
    """Three of four valid requests speak of something that is there."""
    template = case.operation.path
    with LOCK:
        if ANSWERS[case.operation.label].total() % 4 == 3:
            return
        if case.path_parameters and location_is_valid(case, ParameterLocation.PATH):
            for name, value in CALLER.parameters(case.method, template).items():
                if name in case.path_parameters:
                    case.path_parameters[name] = value
        if not location_is_valid(case, ParameterLocation.BODY):
            CALLER.let_in(case.body)
        elif isinstance(case.body, dict):
            CALLER.shape(template, case.body)
        elif "xml" in (case.media_type or ""):
            case.body = CALLER.xml(template)
        if "Idempotency-Key" in case.headers and location_is_valid(case, ParameterLocation.HEADER):
            case.headers["Idempotency-Key"] = CALLER.idempotency_key(case.body)


@schemathesis.hook
def after_call(context, case, response):
    if case.method.upper() != case.operation.method.upper():
        return
    with LOCK:
        ANSWERS[case.operation.label][response.status_code] += 1
        if response.status_code == 201:
            CALLER.made(case.method.upper(), case.operation.path, response.json())


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether a failure is one."""
    for excuse in excuses.ALL:
        if excuse.covers(SURFACE, failure, case, response):
            NEEDED[excuse.name] += 1
            return False
    return True


@atexit.register
def report():
    with open(os.environ["LEADWIRE_CONTRACT_REPORT"], "w") as file:
        json.dump({"answers": ANSWERS, "needed": NEEDED}, file)
