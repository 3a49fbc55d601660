"""What schemathesis can not know from the document alone."""

import json
import re
from datetime import datetime, timezone

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

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
    # A link gives the version as a number; the header is its tag.
    for name, value in (case.headers or {}).items():
        if isinstance(value, int):
            case.headers[name] = f'"{value}"'
    # A key of the program names no company: what follows that name meets nobody.
    if case.operation.path.startswith("/api/v1/companies/{id}") and case.path_parameters.get("id") in (None, "None"):
        case.path_parameters["id"] = "cmp_" + "0" * 32


def is_wrong(case):
    """Whether the body is one that the document does not allow."""
    if case.meta is None or case.meta.generation.mode.value == "positive":
        return False
    body = case.meta.components.get(ParameterLocation.BODY)
    return body is not None and body.mode.value == "negative"


@schemathesis.check
def wrong_lines_are_told_of(context, response, case):
    """A load is taken as a whole; a line that is wrong is named in its report, and loads nothing."""
    if case.operation.path != "/api/v1/imports" or response.status_code != 200:
        return
    # Of a list, single items may be right.
    if not is_wrong(case) or isinstance(case.body, list):
        return
    summary = json.loads(response.content.splitlines()[-1])["summary"]
    made = sum(summary["created"].values()) + sum(summary["existing"].values())
    assert summary["faulty"] == 1 and made == 0, f"a wrong line was loaded: {summary}"


@schemathesis.check
def wrong_messages_are_not_approved(context, response, case):
    """What the card platform asks wrongly is told so (400), or declined as it would be anyway (402)."""
    if case.operation.path == "/api/v1/marqeta/jit" and is_wrong(case):
        # 401, 415: what else was wrong was seen first.
        assert response.status_code in (400, 401, 402, 409, 413, 415), "a wrong message was approved"
