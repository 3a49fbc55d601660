"""What schemathesis can not know from the document alone."""

import json
import re
from datetime import datetime, timezone

import schemathesis
from hypothesis import strategies as st

ZONES = ["UTC", "Europe/Brussels", "America/New_York", "Asia/Tokyo", "Pacific/Auckland"]
FROM, TO = datetime(1970, 1, 1), datetime(2999, 12, 31)


def written(at):
    return at.isoformat().replace("+00:00", "Z")


schemathesis.openapi.format("time-zone", st.sampled_from(ZONES))
schemathesis.openapi.format(
    "date-time", st.datetimes(min_value=FROM, max_value=TO, timezones=st.just(timezone.utc)).map(written)
)


def whole(value):
    """To JSON Schema, 5.0 is an integer. Money is never written like that, so it is refused."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return value


def ordered(value):
    """Ranges of category codes begin with the lower one."""
    if isinstance(value, str) and len(value) == 9 and value[4] == "-":
        return "-".join(sorted(value.split("-")))
    if isinstance(value, dict):
        return {name: ordered(member) for name, member in value.items()}
    if isinstance(value, list):
        return [ordered(item) for item in value]
    return value


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """One object is one line; a list is one line for each."""
    objects = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


@schemathesis.hook
def map_case(context, case):
    """Of data that is to be right: what no schema can say."""
    if case.meta is None or case.meta.generation.mode.value != "positive":
        return case
    if isinstance(case.body, dict) and "/marqeta/" not in case.operation.path:
        case.body = whole(case.body)
        if case.operation.path.startswith(("/api/v1/spending-", "/api/v1/imports")):
            case.body = ordered(case.body)
        # A control ends after it starts.
        if case.body.get("starts_at") and case.body.get("ends_at"):
            case.body.pop("ends_at")
        # What looks like a card number is never taken.
        if re.search(r"(\d[ -]?){13}", json.dumps(case.body.get("metadata"))):
            case.body.pop("metadata")
        # A key expires in the future.
        if case.operation.path == "/api/v1/api-keys":
            case.body.pop("expires_at", None)
    return case


@schemathesis.hook
def before_call(context, case, kwargs):
    """Of examples too: what only another answer, or another parameter, can tell."""
    if case.meta is not None and case.meta.generation.mode.value == "positive" and case.query:
        # Only a page before can say where the next begins.
        case.query.pop("cursor", None)
        # An id is of the kind that is named beside it.
        case.query.pop("scope_id", None)
