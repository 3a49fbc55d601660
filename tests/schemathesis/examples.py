"""Every example of an OpenAPI document on standard input is one that its schema allows: of bodies, of answers,
of parameters, and of the words that they are made of."""

import json
import sys

import jsonschema_rs

DOCUMENT = "urn:document"


def examples(value, place=""):
    """Each example, with where the schema stands that it is of."""
    at = lambda name: f"{place}/{str(name).replace('~', '~0').replace('/', '~1')}"
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from examples(item, at(number))
    elif isinstance(value, dict):
        schema = at("schema") if "schema" in value else place
        named = value.get("examples", [])
        if isinstance(named, dict):
            named = [example["value"] for example in named.values()]
        for example in named + ([value["example"]] if "example" in value else []):
            yield schema, example
        for name, member in value.items():
            if name not in ("const", "default", "enum", "example", "examples"):
                yield from examples(member, at(name))


document = json.load(sys.stdin)
registry = jsonschema_rs.Registry([(DOCUMENT, document)])
found = list(examples(document))
faults = []
for place, example in found:
    schema = {"$ref": DOCUMENT + "#" + place.replace("{", "%7B").replace("}", "%7D")}
    for fault in jsonschema_rs.Draft202012Validator(schema, registry=registry).iter_errors(example):
        faults.append(f"{place}: {fault.message}")
if len(found) < 500 or faults:
    sys.exit("\n".join(faults) or f"only {len(found)} examples")
