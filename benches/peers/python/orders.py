"""The same order with Powertools for AWS Lambda (Python), as its documentation shows.

Idempotency, parser, event handler, logger and metrics; the order and its stock are one
transaction with conditions, as in the function that this is compared with.
https://docs.powertools.aws.dev/lambda/python/latest/utilities/idempotency/
"""

import hashlib
import os
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta, timezone

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent
from aws_lambda_powertools.utilities.parser import BaseModel, parse
from botocore.config import Config
from pydantic import Field

TABLE = os.environ["TABLE_NAME"]
logger = Logger(service="peer")
metrics = Metrics(namespace="Peer", service="peer")
app = APIGatewayHttpResolver()
settings = Config(region_name=os.environ["AWS_REGION"])
dynamodb = boto3.client("dynamodb", config=settings)
persistence = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"], boto_config=settings)
# The body is part of the comparison, so a key that is used for another order is refused.
config = IdempotencyConfig(
    event_key_jmespath='[requestContext.authorizer.lambda.sub, headers."idempotency-key"]',
    payload_validation_jmespath="body",
    raise_on_no_idempotency_key=True,
    expires_after_seconds=14 * 24 * 60 * 60,
)


class Line(BaseModel):
    sku: str = Field(min_length=1, max_length=64)
    quantity: int = Field(ge=1, le=1_000_000)
    unit_price: int = Field(ge=0)


class Order(BaseModel):
    currency: str = Field(pattern="^[A-Z]{3}$")
    lines: list[Line] = Field(min_length=1, max_length=50)


def stored(moment):
    return f"{int(moment.timestamp() * 1000):015}"


def base64url(digest):
    return urlsafe_b64encode(digest).decode().rstrip("=")


def item(order_id, owner, order, now):
    shard = sum(order_id.encode()) % 8
    lines = [
        {"M": {"sku": {"S": line.sku}, "quantity": {"N": str(line.quantity)},
               "unit_price": {"N": str(line.unit_price)},
               "allocations": {"L": [{"M": {"shard": {"N": "0"}, "quantity": {"N": str(line.quantity)}}}]}}}
        for line in order.lines
    ]
    total = sum(line.quantity * line.unit_price for line in order.lines)
    return {
        "pk": {"S": f"ORD#{order_id}"}, "sk": {"S": "ORDER"}, "id": {"S": order_id},
        "status": {"S": "pending"}, "owner": {"S": owner}, "currency": {"S": order.currency},
        "total": {"N": str(total)}, "lines": {"L": lines},
        "created_at": {"S": stored(now)}, "hold_expires_at": {"S": stored(now + timedelta(seconds=900))},
        "expiry_shard": {"S": f"EXPIRY#{shard}"}, "day_shard": {"S": f"{now:%Y-%m-%d}#{shard}"},
        "version": {"N": "1"}, "answer_version": {"N": "1"}, "fingerprint_version": {"N": "1"},
        "fingerprint": {"S": base64url(hashlib.sha256(order.model_dump_json().encode()).digest())},
    }


def take(line, currency):
    return {"Update": {
        "TableName": TABLE,
        "Key": {"pk": {"S": f"SKU#{line.sku}"}, "sk": {"S": "STOCK#0"}},
        "UpdateExpression": "SET available = available - :q, taken = taken + :q, version = version + :one",
        "ConditionExpression": "sellable = :true AND currency = :c AND unit_price = :p AND available >= :q "
        "AND (attribute_not_exists(quantity_max) OR quantity_max >= :q)",
        "ExpressionAttributeValues": {
            ":q": {"N": str(line.quantity)}, ":one": {"N": "1"}, ":p": {"N": str(line.unit_price)},
            ":c": {"S": currency}, ":true": {"BOOL": True}},
    }}


@app.post("/orders")
def place():
    order = parse(app.current_event.body, Order)
    caller = app.current_event.request_context.authorizer.get_lambda["sub"]
    key = app.current_event.headers["idempotency-key"]
    order_id = "ord_" + hashlib.sha256(f"{caller}\n{key}".encode()).hexdigest()[:26]
    now = datetime.now(timezone.utc)
    record = item(order_id, f"local#{caller}", order, now)
    put = {"Put": {"TableName": TABLE, "Item": record, "ConditionExpression": "attribute_not_exists(pk)"}}
    try:
        dynamodb.transact_write_items(TransactItems=[put, *(take(line, order.currency) for line in order.lines)])
    except dynamodb.exceptions.TransactionCanceledException:
        metrics.add_metric("OrdersRefused", MetricUnit.Count, 1)
        return Response(409, "application/json", {"title": "Not enough stock"})
    metrics.add_metric("OrdersPlaced", MetricUnit.Count, 1)
    logger.info("placed", order_id=order_id)
    return Response(201, "application/json", {
        "id": order_id, "status": "pending", "currency": order.currency,
        "lines": [line.model_dump() for line in order.lines], "created_at": now.isoformat()})


@logger.inject_lambda_context
@metrics.log_metrics
@idempotent(config=config, persistence_store=persistence)
def handler(event, context):
    return app.resolve(event, context)
