"""Compatibility of a newer OpenAPI document with the clients of a released one.

A client sends requests that the released document allows and relies on its promises. So a newer one may add routes,
optional parameters and members. It must not remove, require more, accept less, promise less, or respond differently.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.contracts.compatibility import Schema, breaks_below, resolved, types, values

_METHODS = ("get", "put", "post", "delete", "patch")


def broken(released: Schema, newer: Schema) -> list[str]:
    """The breaks for a client of `released` in `newer`, one line each with the place."""
    found: list[str] = []
    for path, methods in released["paths"].items():
        for method in (each for each in _METHODS if each in methods):
            place = f"{method.upper()} {path}"
            operation = newer["paths"].get(path, {}).get(method)
            if operation is None:
                found.append(f"{place}: the route is gone")
            else:
                found += [f"{place}{line}" for line in _operation(methods[method], operation, released, newer)]
    return found


def _operation(old: Schema, new: Schema, old_root: Schema, new_root: Schema) -> Iterator[str]:
    if old.get("operationId") != new.get("operationId"):
        yield f": is called {new.get('operationId')}, was {old.get('operationId')}"
    if old.get("tags") != new.get("tags"):
        yield ": has other tags, and generated clients have it elsewhere"
    if old.get("security") == [] and new.get("security") != []:
        yield ": needs an access token now"
    yield from _parameters(old, new, old_root, new_root)
    yield from _body(old.get("requestBody"), new.get("requestBody"), old_root, new_root)
    for status, answer in old["responses"].items():
        there = new["responses"].get(status)
        if there is None:
            yield f" {status}: is not answered any more"
        else:
            yield from _answer(status, answer, there, old_root, new_root)


def _parameters(old: Schema, new: Schema, old_root: Schema, new_root: Schema) -> Iterator[str]:
    before, now = _named(old, old_root), _named(new, new_root)
    for (place, name), parameter in now.items():
        if parameter.get("required") and not before.get((place, name), {}).get("required"):
            yield f" {name}: is required now"
    for (place, name), parameter in before.items():
        if (place, name) not in now:
            yield f" {name}: the parameter is gone"
        else:
            schema = now[place, name]["schema"]
            yield from (f" {name}{line}" for line in _accepts_less(parameter["schema"], schema, old_root, new_root))


def _named(operation: Schema, root: Schema) -> dict[tuple[str, str], Schema]:
    found = [resolved(each, root) for each in operation.get("parameters", [])]
    return {(each["in"], each["name"]): each for each in found}


def _body(old: Schema | None, new: Schema | None, old_root: Schema, new_root: Schema) -> Iterator[str]:
    if new is not None and new.get("required") and not (old or {}).get("required"):
        yield " body: is required now"
    for media, content in (old or {}).get("content", {}).items():
        there = (new or {}).get("content", {}).get(media)
        if there is None:
            yield f" body: {media} is not accepted any more"
        else:
            lines = _accepts_less(content["schema"], there["schema"], old_root, new_root)
            yield from (f" body{line}" for line in lines)


def _answer(status: str, old: Schema, new: Schema, old_root: Schema, new_root: Schema) -> Iterator[str]:
    yield from (
        f" {status} header {name}: removed" for name in old.get("headers", {}) if name not in new.get("headers", {})
    )
    for media, content in old.get("content", {}).items():
        there = new.get("content", {}).get(media)
        if there is None:
            yield f" {status}: is not {media} any more"
            continue
        lines = breaks_below(content["schema"], there["schema"], old_root, new_root)
        yield from (f" {status}{line}" for line in lines)


def _accepts_less(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str = "") -> Iterator[str]:
    """The requests that `old` allows and `new` does not."""
    old, new = resolved(old, old_root), resolved(new, new_root)
    if types(new) and not (types(old) and types(old) <= types(new)):
        yield f"{path}: must be {_words(types(new))}, might be {_words(types(old)) or 'anything'}"
    allowed, before = values(new), values(old)
    if allowed is not None and (before is None or not before <= allowed):
        yield f"{path}: must be one of {_words(allowed)} now"
    for bound, sign in _BOUNDS.items():
        if bound in new and (bound not in old or sign * new[bound] > sign * old[bound]):
            yield f"{path}: its {bound} is {new[bound]} now"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{path}: has to match {new['pattern']} now"
    fields = new.get("properties", {})
    for name in new.get("required", []):
        if name not in old.get("required", []):
            yield f"{path}.{name}: is required now"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{path}: takes no other members any more"
    for name, field in old.get("properties", {}).items():
        if name in fields:
            yield from _accepts_less(field, fields[name], old_root, new_root, f"{path}.{name}")
        elif new.get("additionalProperties") is False:
            yield f"{path}.{name}: is not accepted any more"
    if "items" in old and "items" in new:
        yield from _accepts_less(old["items"], new["items"], old_root, new_root, f"{path}[]")
    for word in ("oneOf", "anyOf"):
        if word in new:
            for number, choice in enumerate(old.get(word, [old])):
                if all(list(_accepts_less(choice, each, old_root, new_root)) for each in new[word]):
                    yield f"{path}: its alternative {number + 1} is not accepted any more"


# A greater value accepts less; with -1, a smaller one.
_BOUNDS: Mapping[str, int] = {
    "minimum": 1,
    "exclusiveMinimum": 1,
    "minLength": 1,
    "minItems": 1,
    "maximum": -1,
    "exclusiveMaximum": -1,
    "maxLength": -1,
    "maxItems": -1,
}


def _words(found: set[Any]) -> str:
    return " or ".join(sorted(str(each) for each in found))
