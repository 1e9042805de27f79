import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { calmWindowSeconds } from '../../../adapters/jobs-tables/dynamodb/changes.ts';
import { variables } from '../environment.ts';
import { type FunctionKind, functionKinds, functions } from '../functions.ts';
import {
  grantsOf,
  listOf,
  objectOf,
  plain,
  type Resource,
  refersTo,
  type Statement,
  strict,
  strictSettings,
  type Templates,
} from './testing.ts';

/** Functions of a deployment by their kind, which is told by their description. */
function functionsOfKind(templates: Templates, kind: FunctionKind): Resource[] {
  return templates
    .resources('AWS::Lambda::Function')
    .filter(({ properties }) => String(properties['Description']).startsWith(functions[kind].says));
}

function oneOfKind(kind: FunctionKind): Resource {
  const [first] = functionsOfKind(plain(), kind);
  assert.ok(first, kind);
  return first;
}

function roleOf(station: Resource, templates = plain()): Resource {
  const role = templates
    .resources('AWS::IAM::Role')
    .find((one) => one.stack === station.stack && refersTo(station.properties['Role'] ?? null, one));
  assert.ok(role, station.id);
  return role;
}

const grants = (kind: FunctionKind): Statement[] => grantsOf(roleOf(oneOfKind(kind)));
const actionsOf = (statements: readonly Statement[]) => statements.flatMap(({ actions }) => actions);

test('there is one function of each kind, and a launcher and a terminator for each host and system', () => {
  for (const kind of functionKinds) {
    const expected = kind === 'launcher' || kind === 'terminator' ? 3 : 1;
    assert.equal(functionsOfKind(plain(), kind).length, expected, kind);
  }
  assert.equal(plain().resources('AWS::Lambda::Function').length, functionKinds.length - 2 + 6);
});

for (const kind of functionKinds) {
  describe(`the function ${kind}`, () => {
    test('is as functions.ts says', () => {
      const { memoryMb, timeoutSeconds, recursiveLoop } = functions[kind];
      const { properties } = oneOfKind(kind);
      assert.equal(properties['MemorySize'], memoryMb);
      assert.equal(properties['Timeout'], timeoutSeconds);
      assert.equal(properties['RecursiveLoop'], recursiveLoop);
      assert.equal(properties['Runtime'], 'nodejs24.x');
      assert.deepEqual(properties['Architectures'], ['arm64']);
    });

    test('is given exactly the variables that environment.ts names for it', () => {
      const { Variables } = objectOf(oneOfKind(kind).properties['Environment']);
      assert.deepEqual(Object.keys(objectOf(Variables)).sort(), [...variables[kind]].sort());
    });

    test('may do to the table what functions.ts says, and nothing else', () => {
      const { table, trigger } = functions[kind];
      const ofStream = ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'];
      const expected = [...table, ...(trigger.kind === 'stream' ? ofStream : [])];
      const granted = actionsOf(grants(kind)).filter((action) => action.startsWith('dynamodb:'));
      assert.deepEqual(granted.sort(), expected.map((action) => `dynamodb:${action}`).sort());
    });

    test('may send where functions.ts says, and nowhere else', () => {
      const { sends } = functions[kind];
      const to = (action: string) =>
        grants(kind)
          .filter(({ actions }) => actions.includes(action))
          .flatMap(({ resources }) => resources)
          .map((on) => JSON.stringify(on));
      const topics = to('sns:Publish');
      const queues = to('sqs:SendMessage').filter((on) => !on.includes('Failures'));
      const expected = (names: readonly string[]) => sends.filter((name) => names.includes(name)).length;
      assert.equal(topics.length, expected(['publisherTopic', 'jobsTopic']));
      assert.equal(queues.length, expected(['timer', 'steps']));
      assert.equal(
        topics.some((on) => on.includes('PublisherTopic')),
        sends.includes('publisherTopic'),
      );
      assert.equal(
        topics.some((on) => on.includes('JobsTopic')),
        sends.includes('jobsTopic'),
      );
      assert.equal(
        queues.some((on) => on.includes('WakerQueue')),
        sends.includes('timer'),
      );
      assert.equal(
        queues.some((on) => on.includes('StepsQueue')),
        sends.includes('steps'),
      );
    });

    test('may read the one secret that functions.ts says, or none', () => {
      const secrets = grants(kind).filter(({ actions }) => actions.includes('secretsmanager:GetSecretValue'));
      const { secret } = functions[kind];
      assert.equal(secrets.length, secret === null ? 0 : 1);
      const on = JSON.stringify(secrets.map(({ resources }) => resources));
      assert.equal(on.includes('WebhookSecret'), secret === 'webhook');
      assert.equal(on.includes('AppSecret'), secret === 'app');
    });

    test('receives from its own queue alone', () => {
      const receives = grants(kind).filter(({ actions }) => actions.includes('sqs:ReceiveMessage'));
      assert.equal(receives.length, functions[kind].trigger.kind === 'queue' ? 1 : 0);
      const { QUEUE_URL: url } = objectOf(objectOf(oneOfKind(kind).properties['Environment'])['Variables']);
      for (const { resources } of receives) {
        assert.equal(resources.length, 1);
        const queue = plain()
          .resources('AWS::SQS::Queue')
          .find((one) => refersTo(url ?? null, one));
        assert.ok(queue && refersTo(resources, queue));
      }
    });
  });
}

test('no role may do everything, or something to everything, but for what is listed here', () => {
  const listed = [
    // Lambda lists the streams of the one table.
    'dynamodb:ListStreams',
  ];
  for (const templates of [plain(), strict()]) {
    for (const role of templates.resources('AWS::IAM::Role')) {
      assert.equal(role.properties['ManagedPolicyArns'], undefined, role.id);
      for (const { actions, resources } of grantsOf(role)) {
        for (const action of actions) assert.doesNotMatch(action, /\*/, role.id);
        const isWide = JSON.stringify(resources).includes('*');
        if (isWide)
          assert.deepEqual(
            actions.filter((action) => !listed.includes(action)),
            [],
            role.id,
          );
        assert.ok(!resources.includes('*'), role.id);
      }
    }
    assert.deepEqual(
      templates.resources('AWS::IAM::Policy').map(({ id }) => id),
      [],
    );
    assert.deepEqual(
      templates.resources('AWS::IAM::ManagedPolicy').map(({ id }) => id),
      [],
    );
  }
});

test('the table is never scanned, and never deleted or changed by a function', () => {
  const allowed =
    /^dynamodb:(?:GetItem|BatchGetItem|Query|PutItem|UpdateItem|DeleteItem|DescribeStream|GetRecords|GetShardIterator|ListStreams)$/;
  for (const role of plain().resources('AWS::IAM::Role')) {
    for (const action of actionsOf(grantsOf(role)).filter((one) => one.startsWith('dynamodb:'))) {
      assert.match(action, allowed, role.id);
    }
  }
});

test('an index is only queried', () => {
  for (const role of plain().resources('AWS::IAM::Role')) {
    for (const { actions, resources } of grantsOf(role)) {
      if (JSON.stringify(resources).includes('/index/')) assert.deepEqual(actions, ['dynamodb:Query']);
    }
  }
});

test('every role is assumed by the service that needs it and has the boundary and the path asked for', () => {
  const roles = strict().resources('AWS::IAM::Role');
  assert.ok(roles.length >= functionKinds.length);
  for (const { id, properties } of roles) {
    assert.equal(properties['PermissionsBoundary'], strictSettings.permissionsBoundary, id);
    assert.equal(properties['Path'], strictSettings.rolePath, id);
  }
  for (const { properties } of plain().resources('AWS::IAM::Role')) {
    assert.equal(properties['PermissionsBoundary'], undefined);
    assert.equal(properties['Path'], '/');
  }
});

test('a function writes to its log and to no other', () => {
  for (const station of plain().resources('AWS::Lambda::Function')) {
    const { LogGroup } = objectOf(station.properties['LoggingConfig']);
    const writes = grantsOf(roleOf(station)).filter(({ actions }) => actions.includes('logs:PutLogEvents'));
    assert.equal(writes.length, 1, station.id);
    const log = plain()
      .resources('AWS::Logs::LogGroup')
      .find((one) => one.stack === station.stack && refersTo(LogGroup ?? null, one));
    assert.ok(log && refersTo(writes[0]?.resources ?? [], log), station.id);
    assert.equal(writes[0]?.resources.length, 1);
  }
});

describe('mappings', () => {
  const mappings = () => plain().resources('AWS::Lambda::EventSourceMapping');
  const mappingOf = (kind: FunctionKind) => {
    const station = oneOfKind(kind);
    const mapping = mappings().find(
      (one) => one.stack === station.stack && refersTo(one.properties['FunctionName'] ?? null, station),
    );
    assert.ok(mapping, kind);
    return mapping.properties;
  };

  test('each tells which messages failed', () => {
    assert.equal(mappings().length, 12);
    for (const { properties } of mappings()) {
      assert.deepEqual(properties['FunctionResponseTypes'], ['ReportBatchItemFailures']);
    }
  });

  for (const kind of functionKinds) {
    const { trigger } = functions[kind];
    if (trigger.kind !== 'queue') continue;
    test(`the queue of ${kind} is mapped as functions.ts says`, () => {
      const { BatchSize, ScalingConfig, MaximumBatchingWindowInSeconds = 0 } = mappingOf(kind);
      assert.equal(BatchSize, trigger.batchSizeMax);
      assert.equal(MaximumBatchingWindowInSeconds, 0);
      const { MaximumConcurrency = null } = objectOf(ScalingConfig);
      assert.equal(MaximumConcurrency, trigger.concurrencyMax);
      // One can not be set.
      assert.ok(MaximumConcurrency === null || Number(MaximumConcurrency) >= 2);
    });
  }

  test("the stream's passes uncounted items alone, at once, and gives up on what fails always", () => {
    const { FilterCriteria, DestinationConfig, ...properties } = mappingOf('messenger');
    const { Filters } = objectOf(FilterCriteria);
    const patterns = listOf(Filters).map((filter) => JSON.parse(String(objectOf(filter)['Pattern'])));
    const uncounted = { dirty: { S: [{ exists: true }] }, calm: { S: [{ exists: false }] } };
    assert.deepEqual(patterns, [{ dynamodb: { NewImage: uncounted } }]);
    assert.equal(properties['MaximumBatchingWindowInSeconds'], 0);
    assert.equal(properties['BisectBatchOnFunctionError'], true);
    assert.equal(properties['StartingPosition'], 'TRIM_HORIZON');
    assert.ok(
      Number(properties['MaximumRetryAttempts']) >= 1 && Number(properties['MaximumRetryAttempts']) <= 10,
    );
    assert.ok(Number(properties['MaximumRecordAgeInSeconds']) >= 60);
    assert.ok(Number(properties['MaximumRecordAgeInSeconds']) <= 3600);
    assert.ok(Number(properties['ParallelizationFactor']) > 1);
    const failures = plain()
      .resources('AWS::SQS::Queue')
      .find(({ id }) => id.startsWith('MessengerFailures'));
    assert.ok(failures && refersTo(DestinationConfig ?? null, failures));
    const sends = grants('messenger').filter(({ actions }) => actions.includes('sqs:SendMessage'));
    assert.ok(sends.some(({ resources }) => refersTo(resources, failures)));
  });

  test('what can wait a moment is gathered by a second one, which takes what the first leaves', () => {
    const { FilterCriteria, ...properties } = mappingOf('gatherer');
    const { Filters } = objectOf(FilterCriteria);
    const patterns = listOf(Filters).map((filter) => JSON.parse(String(objectOf(filter)['Pattern'])));
    const calm = { dirty: { S: [{ exists: true }] }, calm: { S: [{ exists: true }] } };
    assert.deepEqual(patterns, [{ dynamodb: { NewImage: calm } }]);
    assert.equal(properties['MaximumBatchingWindowInSeconds'], calmWindowSeconds);
    assert.equal(properties['ParallelizationFactor'], 1);
    assert.equal(properties['BisectBatchOnFunctionError'], true);
  });
});

test('the tick is started each minute, and not again for the same minute', () => {
  const rule = plain()
    .resources('AWS::Events::Rule')
    .find(({ id }) => id.startsWith('Tick'));
  assert.equal(rule?.properties['ScheduleExpression'], 'rate(1 minute)');
  const [target] = listOf(rule?.properties['Targets']);
  const { MaximumRetryAttempts, MaximumEventAgeInSeconds } = objectOf(objectOf(target)['RetryPolicy']);
  assert.equal(MaximumRetryAttempts, 0);
  assert.equal(MaximumEventAgeInSeconds, 60);
});

test("each host's events start the function for events, and no other", () => {
  const rules = plain()
    .resources('AWS::Events::Rule')
    .filter(({ id }) => id.startsWith('HostEvents'));
  assert.deepEqual(
    rules.map(({ properties }) => properties['EventPattern']),
    ['lab', 'mac'].map((host) => ({ source: ['runners.simulated'], detail: { host: [host] } })),
  );
  const station = oneOfKind('hostEvents');
  for (const { properties } of rules) assert.ok(refersTo(properties['Targets'] ?? null, station));
});
