"""Compares openapi.yaml with the last release's: a client that worked with that one must still work.

Breaking is: an operation, an answer, a header or a member of an answer that is gone or no longer certain; a parameter or
a member of a request that is gone or newly required; a value that a request can no longer have; other scopes.
"""

import copy
import subprocess
import sys

import yaml

FILE = "openapi.yaml"


class Comparison:
    def __init__(self, before, after):
        self.before, self.after, self.found = before, after, []

    def resolve(self, document, value):
        while isinstance(value, dict) and "$ref" in value:
            name, value = value["$ref"], document
            for part in name.removeprefix("#/").split("/"):
                value = value[part]
        return value

    def both(self, before, after):
        return self.resolve(self.before, before), self.resolve(self.after, after)

    def run(self):
        for path, item in self.before["paths"].items():
            for method in item.keys() - {"parameters"}:
                where = f"{method.upper()} {path}"
                now = self.after["paths"].get(path, {})
                if method not in now:
                    self.found.append(f"{where} is gone")
                    continue
                self.operation(where, (item, item[method]), (now, now[method]))
        return self.found

    def operation(self, where, before, after):
        (path_before, before), (path_after, after) = before, after
        if any(scopes not in after.get("security", []) for scopes in before.get("security", [])):
            self.found.append(f"{where} needs other scopes")
        old = self.parameters(self.before, path_before, before)
        new = self.parameters(self.after, path_after, after)
        for name, parameter in new.items():
            if name not in old and parameter.get("required"):
                self.found.append(f"{where}: the parameter {name} is new and required")
        for name, parameter in old.items():
            if name not in new:
                self.found.append(f"{where}: the parameter {name} is gone")
                continue
            if new[name].get("required") and not parameter.get("required"):
                self.found.append(f"{where}: the parameter {name} is required now")
            self.sent(f"{where}: the parameter {name}", parameter["schema"], new[name]["schema"])
        body, body_now = before.get("requestBody"), after.get("requestBody")
        if body_now and body_now.get("required") and not (body or {}).get("required"):
            self.found.append(f"{where}: a body is required now")
        for media_type, content in (body or {}).get("content", {}).items():
            now = (body_now or {}).get("content", {}).get(media_type)
            if now is None:
                self.found.append(f"{where} no longer takes {media_type}")
            else:
                self.sent(f"{where}: the body", content["schema"], now["schema"])
        for status, answer in before["responses"].items():
            if status not in after["responses"]:
                self.found.append(f"{where}: the answer {status} is gone")
                continue
            self.answer(f"{where}, {status}", *self.both(answer, after["responses"][status]))

    def parameters(self, document, *owners):
        listed = [self.resolve(document, it) for owner in owners for it in owner.get("parameters", [])]
        return {parameter["name"]: parameter for parameter in listed}

    def answer(self, where, before, after):
        for name in before.get("headers", {}):
            if name not in after.get("headers", {}):
                self.found.append(f"{where}: the header {name} is gone")
        for media_type, content in before.get("content", {}).items():
            now = after.get("content", {}).get(media_type)
            if now is None:
                self.found.append(f"{where}: the media type {media_type} is gone")
            else:
                self.received(where, content["schema"], now["schema"])

    def received(self, where, before, after):
        """What a client reads must still be there."""
        before, after = self.both(before, after)
        self.same_type(where, before, after)
        for name, schema in before.get("properties", {}).items():
            if name not in after.get("properties", {}):
                self.found.append(f"{where}: the member {name} is gone")
                continue
            if name in before.get("required", []) and name not in after.get("required", []):
                self.found.append(f"{where}: the member {name} can be missing now")
            self.received(f"{where}, {name}", schema, after["properties"][name])
        if "items" in before:
            self.received(f"{where}, each", before["items"], after.get("items", {}))

    def sent(self, where, before, after):
        """What a client sends must still be taken."""
        before, after = self.both(before, after)
        self.same_type(where, before, after)
        for name in after.get("required", []):
            if name not in before.get("required", []):
                self.found.append(f"{where}: the member {name} is required now")
        for name, schema in before.get("properties", {}).items():
            if name not in after.get("properties", {}):
                self.found.append(f"{where}: the member {name} is gone")
            else:
                self.sent(f"{where}, {name}", schema, after["properties"][name])
        if "items" in before:
            self.sent(f"{where}, each", before["items"], after.get("items", {}))
        if set(before.get("enum", [])) - set(after.get("enum", before.get("enum", []))):
            self.found.append(f"{where} can have fewer values")
        for limit, is_narrower in LIMITS.items():
            if limit in after and (limit not in before or is_narrower(before[limit], after[limit])):
                self.found.append(f"{where}: {limit} is narrower")

    def same_type(self, where, before, after):
        for name in ("type", "const"):
            if name in before and before[name] != after.get(name):
                self.found.append(f"{where}: {name} was {before[name]} and is {after.get(name)}")


LIMITS = {
    **dict.fromkeys(["minimum", "minLength", "minItems", "minProperties"], lambda before, after: before < after),
    **dict.fromkeys(["maximum", "maxLength", "maxItems", "maxProperties"], lambda before, after: after < before),
    "pattern": lambda before, after: before != after,
}


def change(document, path, **members):
    """A copy with members set, or removed where they are None."""
    changed = copy.deepcopy(document)
    place = changed
    for part in path:
        place = place[part]
    for name, value in members.items():
        if value is None:
            del place[name]
        else:
            place[name] = value
    return changed


def test(document):
    """Each kind of break must be noticed, and what only adds must not."""
    schemas = ("components", "schemas")
    orders = ("paths", "/orders", "post")
    properties = (*schemas, "NewOrder", "properties")
    breaks = {
        "is gone": change(document, orders[:2], post=None),
        "needs other scopes": change(document, orders, security=[{"bearer": ["orders:all"]}]),
        "the answer 409 is gone": change(document, (*orders, "responses"), **{"409": None}),
        "the header etag is gone": change(document, (*orders, "responses", "201", "headers"), etag=None),
        "the member total is gone": change(document, (*schemas, "Order", "properties"), total=None),
        "the member total can be missing": change(document, (*schemas, "Order"), required=["id"]),
        "the member reference is required": change(document, (*schemas, "NewOrder"), required=["reference"]),
        "the member metadata is gone": change(document, properties, metadata=None),
        "maximum is narrower": change(document, (*schemas, "Quantity"), maximum=10),
        "pattern is narrower": change(document, (*schemas, "Sku"), pattern="^[A-Z]+$"),
        "can have fewer values": change(document, (*schemas, "OrderStatus"), enum=["pending"]),
        "type was string": change(document, (*schemas, "Currency"), type="integer"),
    }
    for expected, after in breaks.items():
        found = Comparison(document, after).run()
        assert any(expected in one for one in found), f"not noticed: {expected}: {found}"
    additions = [
        document,
        change(document, (*schemas, "Order", "properties"), weight={"type": "integer"}),
        change(document, properties, gift={"type": "boolean"}),
        change(document, (*schemas, "Quantity"), maximum=2_000_000),
        change(document, ("paths",), **{"/carts": {"get": {"responses": {}}}}),
    ]
    for after in additions:
        found = Comparison(document, after).run()
        assert not found, found
    return len(breaks)


def git(*arguments):
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def main():
    with open(FILE, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    print(f"    {test(document)} kinds of breaking changes are noticed")
    release = git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
    released = release and git("show", f"{release}:{FILE}")
    if not released:
        print(f"    no release has {FILE} yet: there is nothing that it could break")
        return 0
    found = Comparison(yaml.safe_load(released), document).run()
    for one in found:
        print(f"    since {release}: {one}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
