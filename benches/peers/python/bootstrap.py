"""Lambda's runtime interface for Python, with less around the handler than AWS's own client has."""

import http.client
import importlib
import json
import os
import sys


class Context:
    function_name = "peer"
    function_version = "1"
    memory_limit_in_mb = 256
    log_group_name = log_stream_name = "peer"
    client_context = identity = None

    def __init__(self, headers):
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
        self.deadline = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        import time

        return max(0, self.deadline - int(time.time() * 1000))


def main():
    handler = importlib.import_module(sys.argv[1]).handler
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    base = "/2018-06-01/runtime/invocation/"
    while True:
        api.request("GET", base + "next")
        answer = api.getresponse()
        event = json.loads(answer.read())
        context = Context(answer.headers)
        try:
            result, end = handler(event, context), "/response"
        except Exception as error:  # Lambda reports every exception of a handler.
            result, end = {"errorType": type(error).__name__, "errorMessage": str(error)}, "/error"
        api.request("POST", base + context.aws_request_id + end, json.dumps(result, separators=(",", ":")))
        api.getresponse().read()


main()
