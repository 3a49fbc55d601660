"""What schemathesis can not know from the document alone."""

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


@schemathesis.hook
def map_case(context, case):
    """Of data that is to be right: what no schema can say."""
    if case.meta is None or case.meta.generation.mode.value != "positive":
        return case
    if isinstance(case.body, dict) and "/marqeta/" not in case.operation.path:
        case.body = whole(case.body)
        if case.operation.path.startswith("/api/v1/spending-"):
            case.body = ordered(case.body)
        # A control ends after it starts.
        if case.body.get("starts_at") and case.body.get("ends_at"):
            case.body.pop("ends_at")
        # A key expires in the future.
        if case.operation.path == "/api/v1/api-keys":
            case.body.pop("expires_at", None)
    return case
