import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { demandOutput, readResources, readStacks, troublesOf } from './stacks.ts';
import { clientsFor, type StubAws, startStubAws } from './testing.ts';

describe('the stacks of a deployment', () => {
  let aws: StubAws;
  let clients: ReturnType<typeof clientsFor>;
  before(async () => {
    aws = await startStubAws();
    clients = clientsFor(aws.url);
  });
  after(async () => {
    clients.close();
    await aws.close();
  });

  function member(name: string, status: string, tag: string, outputs = ''): string {
    return `<member><StackName>${name}</StackName><StackId>arn:${name}</StackId><StackStatus>${status}</StackStatus><CreationTime>2026-11-01T00:00:00Z</CreationTime><Tags><member><Key>runners:deployment</Key><Value>${tag}</Value></member></Tags><Outputs>${outputs}</Outputs></member>`;
  }

  function page(members: string, next = ''): { xml: string } {
    return {
      xml: `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks>${members}</Stacks>${next && `<NextToken>${next}</NextToken>`}</DescribeStacksResult></DescribeStacksResponse>`,
    };
  }

  test('are found by their tag on every page, whatever they are named', async () => {
    const output =
      '<member><OutputKey>WebhookUrl</OutputKey><OutputValue>https://x/webhooks/github</OutputValue></member>';
    aws.answer = ({ input }) =>
      input['NextToken'] === undefined
        ? page(
            member('a-pipeline', 'UPDATE_COMPLETE', 'a', output) + member('b', 'CREATE_COMPLETE', 'b'),
            'more',
          )
        : page(member('old-name', 'CREATE_COMPLETE', 'a') + member('gone', 'DELETE_COMPLETE', 'a'));
    const stacks = await readStacks(clients.cloudFormation, 'a');
    assert.deepEqual(
      stacks.map(({ name }) => name),
      ['a-pipeline', 'old-name'],
    );
    assert.equal(demandOutput(stacks, 'webhookUrl'), 'https://x/webhooks/github');
    assert.throws(() => demandOutput(stacks, 'table'), /has the output JobsTable.*make ci-deploy/s);
  });

  test('have resources on several pages, of which deleted ones do not count', async () => {
    const resource = (id: string, status: string) =>
      `<member><LogicalResourceId>${id}</LogicalResourceId><PhysicalResourceId>p-${id}</PhysicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType><ResourceStatus>${status}</ResourceStatus></member>`;
    aws.answer = ({ input }) => ({
      xml: `<ListStackResourcesResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><ListStackResourcesResult><StackResourceSummaries>${
        input['NextToken'] === undefined
          ? resource('A', 'CREATE_COMPLETE')
          : resource('B', 'UPDATE_COMPLETE') + resource('C', 'DELETE_COMPLETE')
      }</StackResourceSummaries>${input['NextToken'] === undefined ? '<NextToken>2</NextToken>' : ''}</ListStackResourcesResult></ListStackResourcesResponse>`,
    });
    const found = await readResources(clients.cloudFormation, 'a');
    assert.deepEqual(
      found.map(({ physicalId }) => physicalId),
      ['p-A', 'p-B'],
    );
  });
});

describe('what is in the way of a deploy', () => {
  function kinds(status: string) {
    const stack = { name: 'a', id: 'a', status, statusReason: 'why', outputs: {}, isProtected: false };
    return troublesOf([stack]).map(({ kind }) => kind);
  }

  test('is another one under way', () => {
    for (const status of [
      'CREATE_IN_PROGRESS',
      'UPDATE_IN_PROGRESS',
      'UPDATE_ROLLBACK_IN_PROGRESS',
      'DELETE_IN_PROGRESS',
    ])
      assert.deepEqual(kinds(status), ['busy'], status);
  });

  test('is a stack that only a person can mend', () => {
    for (const status of ['UPDATE_ROLLBACK_FAILED', 'DELETE_FAILED'])
      assert.deepEqual(kinds(status), ['stuck'], status);
  });

  test('is none that failed when it was first made: that one is made anew, and it is told', () => {
    for (const status of ['ROLLBACK_COMPLETE', 'ROLLBACK_FAILED', 'CREATE_FAILED'])
      assert.deepEqual(kinds(status), ['failedBefore'], status);
  });

  test('is nothing that is well, or was never begun', () => {
    for (const status of [
      'CREATE_COMPLETE',
      'UPDATE_COMPLETE',
      'UPDATE_ROLLBACK_COMPLETE',
      'REVIEW_IN_PROGRESS',
    ])
      assert.deepEqual(kinds(status), [], status);
  });
});
