// The same order with Powertools for AWS Lambda (TypeScript), as its documentation shows.
//
// Idempotency, parser, logger and metrics; the order and its stock are one transaction with
// conditions, as in the function that this is compared with.
// https://docs.powertools.aws.dev/lambda/typescript/latest/features/idempotency/

import { createHash } from 'node:crypto';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { DynamoDBClient, TransactionCanceledException, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';

const TABLE = process.env.TABLE_NAME;
const logger = new Logger({ serviceName: 'peer' });
const metrics = new Metrics({ namespace: 'Peer', serviceName: 'peer' });
const dynamodb = new DynamoDBClient({});
const persistenceStore = new DynamoDBPersistenceLayer({
  tableName: process.env.IDEMPOTENCY_TABLE!,
  awsSdkV3Client: dynamodb,
});
// The body is part of the comparison, so a key that is used for another order is refused.
const config = new IdempotencyConfig({
  eventKeyJmesPath: '[requestContext.authorizer.lambda.sub, headers."idempotency-key"]',
  payloadValidationJmesPath: 'body',
  throwOnNoIdempotencyKey: true,
  expiresAfterSeconds: 14 * 24 * 60 * 60,
});

const Order = z.object({
  currency: z.string().regex(/^[A-Z]{3}$/),
  lines: z
    .array(
      z.object({
        sku: z.string().min(1).max(64),
        quantity: z.int().min(1).max(1_000_000),
        unit_price: z.int().min(0),
      }),
    )
    .min(1)
    .max(50),
});
type Order = z.infer<typeof Order>;

const stored = (milliseconds: number) => `${milliseconds}`.padStart(15, '0');

function item(id: string, owner: string, order: Order, now: Date) {
  const shard = [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 8;
  const lines = order.lines.map((line) => ({
    M: {
      sku: { S: line.sku },
      quantity: { N: `${line.quantity}` },
      unit_price: { N: `${line.unit_price}` },
      allocations: { L: [{ M: { shard: { N: '0' }, quantity: { N: `${line.quantity}` } } }] },
    },
  }));
  const total = order.lines.reduce((sum, line) => sum + line.quantity * line.unit_price, 0);
  return {
    pk: { S: `ORD#${id}` },
    sk: { S: 'ORDER' },
    id: { S: id },
    status: { S: 'pending' },
    owner: { S: owner },
    currency: { S: order.currency },
    total: { N: `${total}` },
    lines: { L: lines },
    created_at: { S: stored(now.getTime()) },
    hold_expires_at: { S: stored(now.getTime() + 900_000) },
    expiry_shard: { S: `EXPIRY#${shard}` },
    day_shard: { S: `${now.toISOString().slice(0, 10)}#${shard}` },
    version: { N: '1' },
    answer_version: { N: '1' },
    fingerprint: { S: createHash('sha256').update(JSON.stringify(order)).digest('base64url') },
    fingerprint_version: { N: '1' },
  };
}

const take = (line: Order['lines'][number], currency: string) => ({
  Update: {
    TableName: TABLE,
    Key: { pk: { S: `SKU#${line.sku}` }, sk: { S: 'STOCK#0' } },
    UpdateExpression: 'SET available = available - :q, taken = taken + :q, version = version + :one',
    ConditionExpression:
      'sellable = :true AND currency = :c AND unit_price = :p AND available >= :q AND ' +
      '(attribute_not_exists(quantity_max) OR quantity_max >= :q)',
    ExpressionAttributeValues: {
      ':q': { N: `${line.quantity}` },
      ':one': { N: '1' },
      ':p': { N: `${line.unit_price}` },
      ':c': { S: currency },
      ':true': { BOOL: true },
    },
  },
});

const answer = (statusCode: number, body: object) => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const place = makeIdempotent(
  async (event: any, _context: unknown) => {
    const order = Order.parse(JSON.parse(event.body));
    const caller = event.requestContext.authorizer.lambda.sub;
    const digest = createHash('sha256').update(`${caller}\n${event.headers['idempotency-key']}`).digest('hex');
    const id = `ord_${digest.slice(0, 26)}`;
    const now = new Date();
    const record = item(id, `local#${caller}`, order, now);
    const put = { Put: { TableName: TABLE, Item: record, ConditionExpression: 'attribute_not_exists(pk)' } };
    const stock = order.lines.map((line) => take(line, order.currency));
    try {
      await dynamodb.send(new TransactWriteItemsCommand({ TransactItems: [put, ...stock] }));
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
      metrics.addMetric('OrdersRefused', MetricUnit.Count, 1);
      return answer(409, { title: 'Not enough stock' });
    }
    metrics.addMetric('OrdersPlaced', MetricUnit.Count, 1);
    logger.info('placed', { order_id: id });
    const shown = { id, status: 'pending', ...order, created_at: now.toISOString() };
    return answer(201, shown);
  },
  { persistenceStore, config, dataIndexArgument: 0 },
);

export const handler = async (event: any, context: any) => {
  logger.addContext(context);
  config.registerLambdaContext(context);
  try {
    return await place(event, context);
  } finally {
    metrics.publishStoredMetrics();
  }
};
