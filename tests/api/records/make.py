#!/usr/bin/env python3
"""Records what a release writes, and how a release answers repeats.

    make.py SUREFIRE FILE            runs a program, and records its items and answers
    make.py SUREFIRE FILE --items F  gives it the items of F, and records its answers to repeats

SUREFIRE is the program of a release, built by `cargo build --bin surefire` in a checkout of it. It
reads the template of the folder that this is run in, which must be that checkout.
`records.rs` reads the files: each release must answer the records of every other one with the same
bytes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SCOPES = "orders:read orders:write orders:confirm stock:write"


def order(*lines):
    return {
        "currency": "KRW",
        "lines": [{"sku": sku, "quantity": quantity, "unit_price": price} for sku, quantity, price in lines],
    }


def request(method, path, body, key=None):
    return {"method": method, "path": path, "key": key, "body": body}


def product(sku, price):
    body = {"name": f"A product {sku}", "unit_price": price, "currency": "KRW", "sellable": True}
    return request("PUT", f"/products/{sku}", body)


def stock(sku, key, delta):
    return request("POST", f"/products/{sku}/stock", {"delta": delta, "reason": "a delivery"}, key)


def place(key, *lines):
    return request("POST", "/orders", order(*lines), key)


def act(order_key, action, body):
    """A request to the order that was placed under a key."""
    return request("POST", f"/orders/<{order_key}>/{action}", body)


SCENARIO = [
    product("TEA-01", 19900),
    product("CUP-01", 500),
    stock("TEA-01", "delivery", 20),
    stock("CUP-01", "delivery", 10),
    stock("CUP-01", "too-many", -11),
    stock("NONE", "delivery", 1),
    place("pending", ("TEA-01", 1, 19900)),
    place("confirmed", ("TEA-01", 2, 19900), ("CUP-01", 3, 500)),
    place("cancelled", ("CUP-01", 1, 500)),
    place("paid-and-cancelled", ("CUP-01", 2, 500)),
    place("out-of-stock", ("CUP-01", 100, 500)),
    place("unknown", ("NONE", 1, 500)),
    place("another-price", ("CUP-01", 1, 499)),
    act("confirmed", "confirm", {"payment_reference": "pay-1"}),
    act("cancelled", "cancel", {}),
    act("paid-and-cancelled", "confirm", {"payment_reference": "pay-2"}),
    act("paid-and-cancelled", "cancel", {}),
]


def call(url, body, headers, method="POST"):
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def database(url, operation, body):
    headers = {
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "x-amz-date": "20261126T120000Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=local/20261126/us-east-1/dynamodb/aws4_request, "
        "SignedHeaders=host, Signature=0",
    }
    status, _, text = call(url, body, headers)
    if status != 200:
        sys.exit(f"{operation}: {status} {text}")
    return json.loads(text)


def table(url):
    names = database(url, "ListTables", {})["TableNames"]
    return next(name for name in names if "Orders" in name)


def answered(api, token, ids, wanted):
    path = wanted["path"]
    for name, order_id in ids.items():
        path = path.replace(f"<{name}>", order_id)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    if wanted["key"]:
        headers["idempotency-key"] = wanted["key"]
    status, got, body = call(api + path, wanted["body"], headers, wanted["method"])
    names = ["etag", "location", "order-status", "idempotent-replayed"]
    kept = {name: got[name] for name in names if got[name]}
    if wanted["path"] == "/orders" and status == 201:
        ids[wanted["key"]] = json.loads(body)["id"]
    return {**wanted, "path": path, "status": status, "headers": kept, "answer": body}


def main():
    program, out, *rest = sys.argv[1:]
    before = json.load(open(rest[1], encoding="utf-8")) if rest else None
    with tempfile.TemporaryDirectory() as data:
        options = ["--memory", "--no-seed", "--listen", "127.0.0.1:0", "--data", data]
        server = subprocess.Popen([program, "serve", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        endpoints = os.path.join(data, "endpoints.json")
        while not os.path.exists(endpoints):
            if server.poll() is not None:
                sys.exit(f"{program} serve ended with {server.returncode}")
            time.sleep(0.1)
        time.sleep(0.5)
        urls = json.load(open(endpoints, encoding="utf-8"))
        token = subprocess.run(
            [program, "token", "--scope", SCOPES, "--data", data], capture_output=True, text=True, check=True
        ).stdout.strip()
        name = table(urls["dynamodb"])
        if before:
            for item in before["items"]:
                database(urls["dynamodb"], "PutItem", {"TableName": name, "Item": item})
            repeats = [answered(urls["api"], token, {}, wanted) for wanted in before["repeats"]]
            record = {"items": before["items"], "repeats": repeats}
        else:
            ids = {}
            made = [answered(urls["api"], token, ids, wanted) for wanted in SCENARIO]
            items = database(urls["dynamodb"], "Scan", {"TableName": name, "ConsistentRead": True})["Items"]
            items.sort(key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
            repeatable = [wanted for wanted in SCENARIO if wanted["key"] or "/confirm" in wanted["path"]]
            repeats = [answered(urls["api"], token, ids, wanted) for wanted in repeatable]
            record = {"made_by": made, "items": items, "repeats": repeats}
        server.terminate()
        server.wait()
    with open(out, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1, ensure_ascii=False, sort_keys=True)
        file.write("\n")


main()
