"""Reads shell commands, one a line, and prints those that the AWS CLI would not understand.

The CLI makes its commands and options from the descriptions of the services in botocore.
"""

import shlex
import sys

import botocore.session
from botocore import xform_name

# Options that every command has.
COMMON = {"query", "output"}

session = botocore.session.get_session()


def faults(words):
    _, service, operation, *rest = words
    if operation == "wait":
        waiters = session.create_client(service, region_name="eu-west-1").waiter_names
        waiters = {name.replace("_", "-") for name in waiters}
        if rest[0] not in waiters:
            yield f"{service} has nothing to wait for named {rest[0]}"
        return
    model = session.get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in operations:
        yield f"{service} has no operation {operation}"
        return
    shape = model.operation_model(operations[operation]).input_shape
    members = {xform_name(name, "-"): member for name, member in shape.members.items()} if shape else {}
    given = [word[2:] for word in rest if word.startswith("--")]
    client = session.create_client(service, region_name="eu-west-1")
    common = COMMON | {"max-items"} if client.can_paginate(xform_name(operations[operation])) else COMMON
    for option in given:
        yes = option.removeprefix("no-")
        boolean = yes in members and members[yes].type_name == "boolean"
        if option not in members and option not in common and not boolean:
            yield f"{service} {operation} has no option --{option}"
    for name in shape.required_members if shape else []:
        if xform_name(name, "-") not in given:
            yield f"{service} {operation} needs --{xform_name(name, '-')}"


for line in sys.stdin:
    words = shlex.split(line)
    for fault in faults(words):
        print(fault)
