// What CloudFormation is answered, and that the right to everything is laid down again whatever happens. EKS and the
// cluster answer as they do, in memory; the objects themselves are tried on a real API server in the slow suite.

import assert from 'node:assert/strict';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { Clock } from '../../../../ports/clock.ts';
import { createClusterSetUp } from './index.ts';

const principal = 'arn:aws:iam::123456789012:role/set-up';
const policy = 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy';
const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'runners' } };
const event = {
  RequestType: 'Create',
  ResponseURL: 'https://cloudformation.example/answer',
  StackId: 'arn:aws:cloudformation:eu-west-1:123456789012:stack/runners-hosts/1',
  RequestId: 'one',
  LogicalResourceId: 'Namespace',
  ResourceProperties: {
    ServiceToken: 'arn:aws:lambda:eu-west-1:123456789012:function:set-up',
    cluster: 'production',
    principal,
    policy,
    objects: JSON.stringify({ items: [namespace] }),
  },
};
const leftMs = 600_000;

type Event = Partial<Omit<typeof event, 'ResourceProperties'>> & {
  PhysicalResourceId?: string;
  ResourceProperties?: unknown;
};

interface World {
  run(given?: Event): Promise<Record<string, string>>;
  /** Calls of EKS and changes of the cluster, in their order. */
  calls: string[];
  /** What EKS says to calls of this name, in turn; then it does them. */
  refuse: Record<string, string[]>;
  /** The cluster knows of the right only after so many questions. */
  knowsAfter: number;
  /** What the cluster answers to a change. */
  status: number;
  /** How often the answer is not taken. */
  answersLost: number;
}

async function inWorld(look: (world: World) => Promise<void>): Promise<void> {
  const agent = new Agent();
  let nowMs = 0;
  // Whoever waits has waited.
  const clock: Clock = {
    now: () => nowMs,
    after: () => () => {},
    async sleep(ms) {
      nowMs += ms;
    },
  };
  let asked = 0;
  const server = createServer((request, response) => {
    request.resume();
    const path = request.url?.split('?')[0] ?? '';
    const isQuestion = path.endsWith('selfsubjectaccessreviews');
    if (isQuestion) asked += 1;
    else world.calls.push(`${request.method} ${path}`);
    response.writeHead(isQuestion ? 201 : world.status, { 'content-type': 'application/json' });
    const answer = isQuestion
      ? { status: { allowed: asked > world.knowsAfter } }
      : { metadata: { uid: '1' }, items: [], message: 'as the test wants it' };
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let answered = '{}';
  const setUp = createClusterSetUp({
    clock,
    eks: {
      send: async (command: object) => {
        const name = command.constructor.name.replace('Command', '');
        world.calls.push(name);
        const refused = world.refuse[name]?.shift();
        if (refused !== undefined) throw Object.assign(new Error(refused), { name: refused });
      },
    } as never,
    connect: () => ({
      access: async () => ({ server: url, headers: {}, agent }),
      forget: () => {},
      close: () => {},
    }),
    put: async (to, text) => {
      assert.equal(to, event.ResponseURL);
      if (world.answersLost > 0) {
        world.answersLost -= 1;
        throw new Error('lost');
      }
      answered = text;
    },
    onStep: () => {},
  });
  const world: World = {
    calls: [],
    refuse: {},
    knowsAfter: 0,
    status: 200,
    answersLost: 0,
    async run(given = {}) {
      await setUp({ ...event, ...given }, leftMs);
      return JSON.parse(answered) as Record<string, string>;
    },
  };
  try {
    await look(world);
  } finally {
    agent.destroy();
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  }
}

const made = ['POST /api/v1/namespaces', 'PATCH /api/v1/namespaces/runners'];

describe('what CloudFormation calls', () => {
  test('takes the right, makes what there is to make, and lays the right down', () =>
    inWorld(async (world) => {
      const answer = await world.run();
      assert.deepEqual(answer, {
        StackId: event.StackId,
        RequestId: event.RequestId,
        LogicalResourceId: event.LogicalResourceId,
        Status: 'SUCCESS',
        PhysicalResourceId: 'production/runners',
      });
      assert.deepEqual(world.calls, ['AssociateAccessPolicy', ...made, 'DisassociateAccessPolicy']);
    }));

  test('waits until IAM knows its policy and the cluster its right, which were made just now', () =>
    inWorld(async (world) => {
      world.refuse['AssociateAccessPolicy'] = ['AccessDeniedException', 'AccessDeniedException'];
      world.knowsAfter = 3;
      assert.equal((await world.run())['Status'], 'SUCCESS');
      assert.deepEqual(world.calls.slice(3), [...made, 'DisassociateAccessPolicy']);
    }));

  test('lays the right down where making failed, and says why it did', () =>
    inWorld(async (world) => {
      world.status = 422;
      const { Status, Reason } = await world.run();
      assert.equal(Status, 'FAILED');
      assert.match(Reason ?? '', /create Namespace runners: as the test wants it/);
      assert.equal(world.calls.at(-1), 'DisassociateAccessPolicy');
    }));

  test('gives up where the cluster never knows of the right, and lays it down', () =>
    inWorld(async (world) => {
      world.knowsAfter = Number.POSITIVE_INFINITY;
      const { Status, Reason } = await world.run();
      assert.equal(Status, 'FAILED');
      assert.match(Reason ?? '', /cluster production lets this deployment set nothing up: .*Remedy/);
      assert.deepEqual(world.calls, ['AssociateAccessPolicy', 'DisassociateAccessPolicy']);
    }));

  test('tries again to lay the right down, and fails rather than keep it without a word', () =>
    inWorld(async (world) => {
      world.refuse['DisassociateAccessPolicy'] = ['ServerException', 'ServerException'];
      assert.equal((await world.run())['Status'], 'SUCCESS');
      assert.equal(world.calls.filter((call) => call === 'DisassociateAccessPolicy').length, 3);
      world.refuse['DisassociateAccessPolicy'] = Array.from({ length: 9 }, () => 'ServerException');
      assert.equal((await world.run())['Status'], 'FAILED');
    }));

  test('takes nothing where the cluster is gone, with all that was in it', () =>
    inWorld(async (world) => {
      world.refuse['DescribeCluster'] = ['ResourceNotFoundException'];
      const answer = await world.run({ RequestType: 'Delete', PhysicalResourceId: 'production/runners' });
      assert.equal(answer['Status'], 'SUCCESS');
      assert.equal(answer['PhysicalResourceId'], 'production/runners');
      assert.deepEqual(world.calls, ['DescribeCluster']);
    }));

  test("leaves a namespace that it did not make: one without a note of this stack's", () =>
    inWorld(async (world) => {
      const answer = await world.run({ RequestType: 'Delete', PhysicalResourceId: 'production/runners' });
      assert.equal(answer['Status'], 'SUCCESS');
      assert.deepEqual(
        world.calls.filter((call) => call.startsWith('DELETE')),
        [],
      );
    }));

  test('says the name of another resource where the cluster is another, so that the old one is deleted', () =>
    inWorld(async (world) => {
      const ResourceProperties = { ...event.ResourceProperties, cluster: 'staging' };
      const answer = await world.run({
        RequestType: 'Update',
        PhysicalResourceId: 'production/runners',
        ResourceProperties,
      });
      assert.equal(answer['PhysicalResourceId'], 'staging/runners');
    }));

  test('refuses what it can not read, by an answer, and has nothing to delete of it', () =>
    inWorld(async (world) => {
      const ResourceProperties = { ...event.ResourceProperties, objects: '{"items":[{"kind":"Pod"}]}' };
      const { Status, Reason, PhysicalResourceId = '' } = await world.run({ ResourceProperties });
      assert.equal(Status, 'FAILED');
      assert.match(Reason ?? '', /can not be read/);
      const deleted = await world.run({ RequestType: 'Delete', PhysicalResourceId, ResourceProperties });
      assert.equal(deleted['Status'], 'SUCCESS');
      assert.deepEqual(world.calls, []);
    }));

  test('answers again where an answer was lost', () =>
    inWorld(async (world) => {
      world.answersLost = 3;
      assert.equal((await world.run())['Status'], 'SUCCESS');
    }));
});
