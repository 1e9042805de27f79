import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receivesMax } from '../../../flow/orchestrator/each.ts';
import { functions } from '../functions.ts';
import {
  type JsonObject,
  listOf,
  objectOf,
  plain,
  type Resource,
  refersTo,
  statementsOf,
  strict,
} from './testing.ts';

const queues = () => plain().resources('AWS::SQS::Queue');
const isDeadLetters = ({ id }: Resource) => /DeadLetters|Failures/.test(id);
const secondsOfDays = (days: number) => days * 24 * 60 * 60;

test('every queue has one for its dead letters, of its own kind, that keeps them for two weeks', () => {
  const working = queues().filter((queue) => !isDeadLetters(queue));
  // Four that are there once, and two for each of three pairs of a host and a system.
  assert.equal(working.length, 10);
  const used = new Set<string>();
  for (const { id, stack, properties } of working) {
    const { deadLetterTargetArn = null, maxReceiveCount } = objectOf(properties['RedrivePolicy']);
    assert.ok(Number(maxReceiveCount) >= receivesMax, id);
    const dead = queues().find((one) => one.stack === stack && refersTo(deadLetterTargetArn, one));
    assert.ok(dead && !used.has(`${stack} ${dead.id}`), id);
    used.add(`${stack} ${dead.id}`);
    assert.equal(dead.properties['FifoQueue'], properties['FifoQueue'], id);
  }
  for (const dead of queues().filter(isDeadLetters)) {
    assert.equal(dead.properties['MessageRetentionPeriod'], secondsOfDays(14), dead.id);
  }
});

test('a message stays unseen for six times as long as its function may take; the Publisher’s for a minute', () => {
  const expected: JsonObject = {
    PublisherQueue: 60,
    WakerQueue: 6 * functions.waker.timeoutSeconds,
    StepsQueue: 6 * functions.steps.timeoutSeconds,
    AsksQueue: 6 * functions.asks.timeoutSeconds,
  };
  for (const { id, stack, properties } of queues().filter((queue) => !isDeadLetters(queue))) {
    const of = stack === 'launchers' ? functions.launcher : functions.terminator;
    const [, known] = Object.entries(expected).find(([name]) => id.startsWith(name)) ?? [];
    assert.equal(properties['VisibilityTimeout'], known ?? 6 * of.timeoutSeconds, id);
  }
});

test("the Publisher's topic and queue are FIFO, with a pace for each host", () => {
  const fifo = queues().filter(({ properties }) => properties['FifoQueue'] === true);
  assert.deepEqual(fifo.map(({ id }) => id.replace(/[0-9A-F]{8}$/, '')).sort(), [
    'PublisherDeadLetters',
    'PublisherQueue',
  ]);
  const queue = fifo.find(({ id }) => id.startsWith('PublisherQueue'))?.properties ?? {};
  assert.equal(queue['DeduplicationScope'], 'messageGroup');
  assert.equal(queue['FifoThroughputLimit'], 'perMessageGroupId');
  const topics = plain()
    .resources('AWS::SNS::Topic')
    .filter(({ properties }) => properties['FifoTopic'] === true);
  assert.equal(topics.length, 1);
  assert.equal(topics[0]?.properties['FifoThroughputScope'], 'MessageGroup');
});

test('each queue is subscribed to what is its own, and to the message as it was sent', () => {
  const subscriptions = plain()
    .resources('AWS::SNS::Subscription')
    .filter(({ properties }) => properties['Protocol'] === 'sqs');
  const found = subscriptions.map(({ stack, properties }) => {
    assert.equal(properties['RawMessageDelivery'], true);
    const queue = queues().find(
      (one) => one.stack === stack && refersTo(properties['Endpoint'] ?? null, one),
    );
    return [queue?.id.replace(/Queue[0-9A-F]{8}$/, ''), properties['FilterPolicy'] ?? null];
  });
  const order = (host: string, os: string, statuses: string[]) => [
    host + os,
    { Host: [host], OS: [os], Status: statuses },
  ];
  assert.deepEqual(
    found.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    [
      ['Asks', { Status: ['ask'] }],
      ['Publisher', null],
      ...[['launch', 'standBy'], ['terminate']].flatMap((statuses) => [
        order('lab', 'linux', statuses),
        order('lab', 'windows', statuses),
        order('mac', 'macos', statuses),
      ]),
    ].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
  );
});

test('queues and topics speak TLS alone, and a queue admits its topic alone', () => {
  for (const templates of [plain(), strict()]) {
    const isTlsOnly = (owner: Resource, type: string, list: string) => {
      const policies = templates
        .resources(type)
        .filter((one) => one.stack === owner.stack && refersTo(one.properties[list] ?? null, owner));
      const statements = policies.flatMap(({ properties }) => statementsOf(properties['PolicyDocument']));
      const denies = statements.some(
        ({ effect, condition, principal }) =>
          effect === 'Deny' &&
          JSON.stringify(condition) === '{"Bool":{"aws:SecureTransport":"false"}}' &&
          ['"*"', '{"AWS":"*"}'].includes(JSON.stringify(principal)),
      );
      assert.ok(denies, owner.id);
      return statements.filter(({ effect }) => effect === 'Allow');
    };
    for (const queue of templates.resources('AWS::SQS::Queue')) {
      for (const { actions, principal, condition } of isTlsOnly(queue, 'AWS::SQS::QueuePolicy', 'Queues')) {
        assert.deepEqual(actions, ['sqs:SendMessage'], queue.id);
        assert.deepEqual(principal, { Service: 'sns.amazonaws.com' }, queue.id);
        assert.ok(objectOf(condition['ArnEquals'])['aws:SourceArn'], queue.id);
      }
    }
    for (const topic of templates.resources('AWS::SNS::Topic')) {
      isTlsOnly(topic, 'AWS::SNS::TopicPolicy', 'Topics');
    }
  }
});

test('what nothing sends to by a topic admits nobody by its policy', () => {
  for (const { id, properties } of plain().resources('AWS::SQS::QueuePolicy')) {
    const allows = statementsOf(properties['PolicyDocument']).filter(({ effect }) => effect === 'Allow');
    const isSubscribed = /Queue/.test(id) && !/^(?:Waker|Steps)/.test(id);
    assert.equal(allows.length, isSubscribed ? 1 : 0, id);
    assert.equal(listOf(properties['Queues']).length, 1);
  }
});
