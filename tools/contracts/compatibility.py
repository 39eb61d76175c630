"""Compatibility of a newer event schema with the consumers of a released one.

Consumers rely on required fields, on their types and on their possible values. So a newer schema may add fields and
promise more. It must not remove or retype a field, drop a promise, or add values to a closed list.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

# Below these the keys are names of the contract, which may be those of notes.
_NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "schemas", "parameters", "headers", "paths"})
_NOTES: Final = frozenset({"description", "title", "summary", "example", "examples", "externalDocs", "tags"})
Schema = Mapping[str, Any]


def breaks(released: Schema, newer: Schema) -> list[str]:
    """The breaks for a consumer of `released` in `newer`, one line each with the field's path."""
    return list(_breaks(released, newer, released, newer, ""))


def breaks_below(released: Schema, newer: Schema, released_root: Schema, newer_root: Schema) -> list[str]:
    """The same for schemas that refer to components of their own documents."""
    return list(_breaks(released, newer, released_root, newer_root, ""))


def missing(released: Mapping[str, Schema], newer: Mapping[str, Schema]) -> list[str]:
    """The same for all events: the removed ones, and the breaks in the others."""
    found = [f"{name}: the event is gone" for name in released if name not in newer]
    for name, schema in released.items():
        if name in newer:
            found += [f"{name}{line}" for line in breaks(schema, newer[name])]
    return found


def _breaks(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> Iterator[str]:
    old, new = resolved(old, old_root), resolved(new, new_root)
    if types(old) and not types(new):
        yield f"{path}: has no type any more, was {_words(types(old))}"
    elif not types(new) <= types(old) and types(old):
        yield f"{path}: is {_words(types(new))}, was {_words(types(old))}"
    if (listed := values(old)) is not None:
        added = values(new)
        if added is None or not added <= listed:
            yield f"{path}: may have other values than {_words(listed)}"
    if "pattern" in old and new.get("pattern") != old["pattern"]:
        yield f"{path}: does not keep to the pattern {old['pattern']} any more"
    for bound, sign in (("minimum", 1), ("maximum", -1)):
        if bound in old and (bound not in new or sign * new[bound] < sign * old[bound]):
            yield f"{path}: its {bound} is not {old[bound]} any more"
    fields = new.get("properties", {})
    for name, field in old.get("properties", {}).items():
        if name not in fields:
            yield f"{path}.{name}: removed"
            continue
        if name in old.get("required", []) and name not in new.get("required", []):
            yield f"{path}.{name}: was always there and may be absent now"
        yield from _breaks(field, fields[name], old_root, new_root, f"{path}.{name}")
    for word in ("oneOf", "anyOf"):
        for number, choice in enumerate(new.get(word, [])):
            if all(list(_breaks(each, choice, old_root, new_root, path)) for each in old.get(word, [old])):
                yield f"{path}: its alternative {number + 1} is none of those that were there"
    if "items" in old:
        yield from _breaks(old["items"], new.get("items", {}), old_root, new_root, f"{path}[]")


def resolved(schema: Schema, root: Schema) -> Schema:
    """`schema` with its reference into the document `root` resolved."""
    while "$ref" in schema:
        beside = {word: value for word, value in schema.items() if word != "$ref"}
        target = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        schema = {**target, **beside}
    return schema


def types(schema: Schema) -> set[str]:
    """The possible types of a value. An integer is a number, so a number that becomes an integer does not break."""
    types = schema.get("type", [])
    found = {types} if isinstance(types, str) else set(types)
    return found | {"integer"} if "number" in found else found


def values(schema: Schema) -> set[Any] | None:
    """The only allowed values, or `None` if the schema does not list them."""
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _words(values: set[Any]) -> str:
    return " or ".join(sorted(str(value) for value in values))


def unversioned(released: Mapping[str, Schema], current: Mapping[str, Schema]) -> list[str]:
    """The names of what differs between a released version and the contracts of the same version.

    An addition breaks no consumer, but it needs a version of its own: one name has one meaning.
    """
    old, new = without_notes(dict(released)), without_notes(dict(current))
    return [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]


def without_notes(schema: Any) -> Any:
    """`schema` without what changes no value that it allows: descriptions, examples and known values (`x-…`)."""
    if isinstance(schema, list):
        return [without_notes(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: without_notes(each) for name, each in value.items()}
        if key in _NAMED and isinstance(value, dict)
        else without_notes(value)
        for key, value in schema.items()
        if key not in _NOTES and not key.startswith("x-")
    }
