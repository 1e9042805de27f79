import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import {
  DynamoDBClient,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { PublishBatchCommand, PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type Fault, startWire, type Wire } from './index.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const table = { TableName: 'table', Item: { pk: { S: 'J#1' } } };

describe('The wire between functions and AWS', () => {
  let behind: Server;
  let wire: Wire;
  let received = 0;
  let dynamoDb: DynamoDBClient;
  let sns: SNSClient;
  let sqs: SQSClient;

  before(async () => {
    // What stands behind it says yes to all.
    behind = createServer((request, response) => {
      received += 1;
      request.resume().once('end', () => {
        response.setHeader('content-type', 'application/x-amz-json-1.0').end('{}');
      });
    });
    await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve));
    wire = await startWire(`http://127.0.0.1:${(behind.address() as AddressInfo).port}`);
    const config = { endpoint: wire.url, region: 'us-east-1', credentials, userAgentAppId: 'Publisher1' };
    dynamoDb = new DynamoDBClient({ ...config, maxAttempts: 3 });
    sns = new SNSClient({ ...config, maxAttempts: 1 });
    sqs = new SQSClient({ ...config, maxAttempts: 1 });
  });

  after(async () => {
    for (const client of [dynamoDb, sns, sqs]) client.destroy();
    await wire.stop();
    behind.closeAllConnections();
    await new Promise((resolve) => behind.close(resolve));
  });

  async function withFault<Result>(fault: Fault, task: () => Promise<Result>): Promise<[Result, number]> {
    const { hits, remove } = wire.inject(fault);
    received = 0;
    wire.forget();
    try {
      return [await task(), hits()];
    } finally {
      remove();
    }
  }

  it('writes down who called what, and what a role must be granted for it', async () => {
    wire.forget();
    await dynamoDb.send(new PutItemCommand(table));
    await dynamoDb.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Put: table },
          { ConditionCheck: { TableName: 'table', Key: table.Item, ConditionExpression: 'x = y' } },
        ],
      }),
    );
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: `${wire.url}/0/queue`, Entries: [] }));
    await sns
      .send(new PublishCommand({ TopicArn: 'arn:aws:sns:us-east-1:0:topic', Message: 'x' }))
      .catch(() => {});
    assert.deepEqual(
      wire.calls().map(({ caller, service, operation, actions }) => [caller, service, operation, ...actions]),
      [
        ['Publisher1', 'dynamodb', 'PutItem', 'dynamodb:PutItem'],
        ['Publisher1', 'dynamodb', 'TransactWriteItems', 'dynamodb:PutItem', 'dynamodb:ConditionCheckItem'],
        ['Publisher1', 'sqs', 'SendMessageBatch', 'sqs:SendMessage'],
        ['Publisher1', 'sns', 'Publish', 'sns:Publish'],
      ],
    );
  });

  it('throttles as DynamoDB does: the SDK tries again, and nothing was done before', async () => {
    const fault: Fault = { kind: 'throttled', service: 'dynamodb', times: 2 };
    const [, hits] = await withFault(fault, () => dynamoDb.send(new PutItemCommand(table)));
    assert.equal(hits, 2);
    assert.equal(received, 1);
    assert.deepEqual(
      wire.calls().map(({ error, injected }) => [error, injected]),
      [
        ['ProvisionedThroughputExceededException', true],
        ['ProvisionedThroughputExceededException', true],
        [null, false],
      ],
    );
  });

  it('cancels a transaction for a conflict, with a reason for each item', async () => {
    const fault: Fault = { kind: 'conflict', service: 'dynamodb', times: 1 };
    const command = new TransactWriteItemsCommand({ TransactItems: [{ Put: table }, { Put: table }] });
    await withFault(fault, () =>
      assert.rejects(
        () => dynamoDb.send(command),
        (error: unknown) =>
          error instanceof TransactionCanceledException &&
          error.CancellationReasons?.map(({ Code }) => Code).join() === 'TransactionConflict,None',
      ),
    );
    assert.equal(received, 0);
  });

  it('loses an answer after the work was done', async () => {
    const fault: Fault = { kind: 'lostAnswer', service: 'dynamodb', times: 1 };
    await withFault(fault, () => dynamoDb.send(new PutItemCommand(table)));
    assert.equal(received, 2);
    assert.deepEqual(
      wire.calls().map(({ status }) => status),
      [null, 200],
    );
  });

  it('refuses messages inside an answer of 200', async () => {
    const entries = [1, 2].map((n) => ({ Id: `m${n}`, Message: 'x', MessageBody: 'x' }));
    const [inSns] = await withFault({ kind: 'refusedInside', service: 'sns', times: 1 }, () =>
      sns.send(
        new PublishBatchCommand({
          TopicArn: 'arn:aws:sns:us-east-1:0:t',
          PublishBatchRequestEntries: entries,
        }),
      ),
    );
    const [inSqs] = await withFault({ kind: 'refusedInside', service: 'sqs', times: 1 }, () =>
      sqs.send(new SendMessageBatchCommand({ QueueUrl: `${wire.url}/0/queue`, Entries: entries })),
    );
    for (const { Failed = [] } of [inSns, inSqs]) {
      assert.deepEqual(
        Failed.map(({ Id, Code }) => [Id, Code]),
        [
          ['m1', 'InternalError'],
          ['m2', 'InternalError'],
        ],
      );
    }
    assert.equal(received, 0);
  });

  it('hits every so many-th call alone, of the function and the operations that are meant', async () => {
    const fault: Fault = {
      ...{ kind: 'failed', service: 'dynamodb', operations: ['PutItem'], caller: 'Pub' },
      ...{ times: 10, every: 2 },
    } as const;
    const [, hits] = await withFault(fault, async () => {
      for (let n = 0; n < 3; n += 1) await dynamoDb.send(new PutItemCommand(table));
    });
    assert.equal(hits, 2);
    const [, none] = await withFault({ ...fault, caller: 'Messenger' }, () =>
      dynamoDb.send(new PutItemCommand(table)),
    );
    assert.equal(none, 0);
  });

  it('asks a service that has a stand-in there, in its own words, and the emulator for all others', async () => {
    const paths: string[] = [];
    const standIn = createServer((request, response) => {
      paths.push(`${request.method} ${request.url}`);
      request.resume().once('end', () => response.writeHead(202).end());
    });
    await new Promise<void>((resolve) => standIn.listen(0, '127.0.0.1', resolve));
    const lambda = new LambdaClient({ endpoint: wire.url, region: 'us-east-1', credentials, maxAttempts: 1 });
    try {
      wire.route('lambda', `http://127.0.0.1:${(standIn.address() as AddressInfo).port}`);
      wire.forget();
      received = 0;
      await lambda.send(new InvokeCommand({ FunctionName: 'runner', InvocationType: 'Event' }));
      assert.deepEqual([paths, received], [['POST /2015-03-31/functions/runner/invocations'], 0]);
      await dynamoDb.send(new PutItemCommand(table));
      assert.equal(received, 1);
      assert.deepEqual(
        wire.calls().map(({ operation, actions, status }) => [operation, actions, status]),
        [
          ['Invoke', ['lambda:InvokeFunction'], 202],
          ['PutItem', ['dynamodb:PutItem'], 200],
        ],
      );
    } finally {
      lambda.destroy();
      standIn.closeAllConnections();
      await new Promise((resolve) => standIn.close(resolve));
    }
  });
});
