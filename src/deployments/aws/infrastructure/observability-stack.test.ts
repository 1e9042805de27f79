import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { before, describe, it } from 'node:test';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { type AwsSettings, awsSchema } from '../../../config/aws.ts';
import type { HostName } from '../../../core/ids.ts';
import { allMetrics } from '../../metrics.ts';
import { type FunctionKind, functionKinds, functions } from '../functions.ts';
import { metricsNamespace } from '../metrics-namespace.ts';
import { ObservabilityStack } from './observability-stack.ts';

interface AlarmProperties {
  AlarmDescription: string;
  Namespace?: string;
  MetricName?: string;
  Dimensions?: { Name: string; Value: unknown }[];
  Metrics?: { Expression?: string; MetricStat?: { Metric: AlarmProperties } }[];
  Threshold: number;
  EvaluationPeriods: number;
  DatapointsToAlarm: number;
  Period?: number;
  Statistic?: string;
  TreatMissingData: string;
  AlarmActions?: unknown[];
  OKActions?: unknown[];
}

const topicArn = 'arn:aws:sns:eu-west-1:123456789012:pages';
const hostNames = ['fast', 'big'];
const queueNames = ['publisher', 'timer', 'steps', 'asks', 'launch-fast-linux', 'terminate-fast-linux'];

const once = functionKinds.filter((kind) => kind !== 'launcher' && kind !== 'terminator');
const functionNames: [FunctionKind, string][] = [
  ...once.map((kind): [FunctionKind, string] => [kind, kind]),
  ['launcher', 'launcher-fast-linux'],
  ['terminator', 'terminator-fast-linux'],
];

function synthesize(change: Partial<AwsSettings> = {}, hosts = hostNames, units = functionNames) {
  const app = new App({ analyticsReporting: false });
  const queue = (queueName: string) => ({ queueName });
  const stack = new ObservabilityStack(app, 'observability', {
    settings: { ...awsSchema.parse({}), ...change },
    encryptionKey: null,
    hosts: hosts.map((name) => ({ name: name as HostName, limit: 20 })),
    functions: units.map(([kind, name]) => ({ kind, name, function: { functionName: name } })),
    queues: queueNames.map((name) => ({ name, queue: queue(name), deadLetters: queue(`${name}-dead`) })),
    streamFailures: queue('stream-failures'),
    tableName: 'runs',
    apiId: 'api123',
    stepsLogGroupName: '/steps',
  });
  return { app, template: Template.fromStack(stack) };
}

function alarmsOf(template: Template): (AlarmProperties & { id: string })[] {
  return Object.entries(template.findResources('AWS::CloudWatch::Alarm')).map(([id, { Properties }]) => ({
    ...(Properties as AlarmProperties),
    id,
  }));
}

describe('alarms', () => {
  let template: Template;
  let alarms: ReturnType<typeof alarmsOf>;
  before(() => {
    template = synthesize({ alarmTopicArn: topicArn }).template;
    alarms = alarmsOf(template);
  });
  const on = (metric: string, dimension?: string) =>
    alarms.filter(
      ({ MetricName, Dimensions }) =>
        MetricName === metric &&
        (dimension === undefined || Dimensions?.some(({ Value }) => Value === dimension)),
    );

  it("watch every queue's dead letters, and the stream's failures", () => {
    for (const name of [...queueNames.map((queue) => `${queue}-dead`), 'stream-failures']) {
      const [alarm, ...others] = on('ApproximateNumberOfMessagesVisible', name);
      assert.equal(others.length, 0, name);
      assert.equal(alarm?.Threshold, 1, name);
      assert.equal(alarm?.TreatMissingData, 'notBreaching', name);
      assert.deepEqual(alarm?.AlarmActions, [topicArn], name);
      assert.deepEqual(alarm?.OKActions, [topicArn], name);
    }
  });

  it('watch the errors of every function, its time, and what the first of them are refused', () => {
    const throttled = alarms.flatMap(({ Metrics = [] }) =>
      Metrics.flatMap(({ MetricStat }) => (MetricStat?.Metric.Dimensions ?? []).map(({ Value }) => Value)),
    );
    for (const [kind, name] of functionNames) {
      assert.equal(on('Errors', name).length, 1, name);
      const [slow] = on('Duration', name);
      assert.ok(slow && slow.Threshold < functions[kind].timeoutSeconds * 1_000, name);
      assert.ok(slow.Threshold > functions[kind].timeoutSeconds * 500, name);
    }
    assert.deepEqual(throttled.sort(), [
      'claim',
      'gatherer',
      'messenger',
      'milestones',
      'publisher',
      'webhook',
    ]);
  });

  it('watch builds of images where some are built, and their function by the hour', () => {
    const ofImages = (found: typeof alarms) =>
      found.filter(({ id }) => /^Image/.test(id)).map(({ id }) => id.slice(0, 14));
    assert.deepEqual(ofImages(alarms), []);
    const building = alarmsOf(synthesize({}, hostNames, [...functionNames, ['images', 'images']]).template);
    assert.deepEqual(ofImages(building).sort(), ['ImageBuildsFai', 'ImagesUnwatche']);
    const [errors, ...others] = building.filter(
      ({ MetricName, Dimensions }) =>
        MetricName === 'Errors' && Dimensions?.some(({ Value }) => Value === 'images'),
    );
    assert.equal(others.length, 0);
    assert.equal(errors?.Period, 3_600);
  });

  it('of functions are quiet, and one composite tells of them all', () => {
    const quiet = alarms.filter(({ AlarmActions }) => AlarmActions === undefined);
    assert.equal(quiet.length, 2 * functionNames.length + 1);
    const composites = Object.values(template.findResources('AWS::CloudWatch::CompositeAlarm'));
    const rules = JSON.stringify(composites.map(({ Properties }) => Properties.AlarmRule));
    for (const { id } of quiet) assert.ok(rules.includes(`"${id}"`), id);
    for (const { Properties } of composites) assert.deepEqual(Properties.AlarmActions, [topicArn]);
  });

  it('of the oldest waiting job go off when nobody measures it any more; all others take silence for order', () => {
    for (const host of hostNames) {
      const [oldest] = on('jobs_oldest_waiting_ms', host);
      assert.equal(oldest?.TreatMissingData, 'breaching');
      assert.equal(oldest?.Threshold, 30 * 60_000);
    }
    for (const { id, MetricName, TreatMissingData } of alarms)
      if (MetricName !== 'jobs_oldest_waiting_ms') assert.equal(TreatMissingData, 'notBreaching', id);
  });

  it('watch the stream, the books, the Publisher, deliveries, and the HTTP API', () => {
    for (const metric of [
      'publisher_ledger_mismatches_total',
      'publisher_self_notifications_stopped_total',
      'reconciler_uncounted_total',
      'reconciler_failures_total',
      'pool_breaker_open',
      'github_deliveries_failed',
      'reconciler_jobs_found_total',
      '5xx',
    ])
      assert.equal(on(metric).length, 1, metric);
    assert.equal(on('IteratorAge').length, 2, 'of both readers of the stream');
  });

  it('look at series that are told, with exactly their dimensions', () => {
    const own = alarms.filter(({ Namespace }) => Namespace === metricsNamespace('github-runners'));
    assert.ok(own.length >= 8);
    for (const { MetricName = '', Dimensions = [] } of own) {
      const names = Dimensions.map(({ Name }) => Name);
      assert.deepEqual(names, [...(allMetrics.get(MetricName)?.series ?? ['none'])], MetricName);
    }
  });

  it('each name a section of the guide that is there', () => {
    const guide = readFileSync(
      resolve(import.meta.dirname, '../../../../docs/guides/operate-on-aws.md'),
      'utf8',
    );
    const sections = new Set(
      [...guide.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^a-z0-9 -]/g, '')
          .replaceAll(' ', '-'),
      ),
    );
    const composites = Object.values(template.findResources('AWS::CloudWatch::CompositeAlarm'));
    const descriptions = [
      ...alarms.map(({ AlarmDescription }) => AlarmDescription),
      ...composites.map(({ Properties }) => String(Properties.AlarmDescription)),
    ];
    for (const text of descriptions) {
      const section = /operate-on-aws\.md#([a-z-]+)$/.exec(text)?.[1] ?? '';
      assert.ok(sections.has(section), text);
      assert.ok(text.length <= 1_024, 'CloudWatch takes no longer description');
    }
  });

  it('take the settings', () => {
    const { template: other } = synthesize({ alarmWaitMinutes: 90, stackName: 'other' });
    const [oldest] = alarmsOf(other).filter(({ MetricName }) => MetricName === 'jobs_oldest_waiting_ms');
    assert.equal(oldest?.Threshold, 90 * 60_000);
    assert.equal(oldest?.Namespace, metricsNamespace('other'));
    assert.equal(oldest?.AlarmActions, undefined, 'nobody asked to be told');
    other.resourceCountIs('AWS::SNS::Topic', 0);
  });
});

describe('an e-mail address', () => {
  it('makes a topic that is encrypted, takes TLS alone, and lets alarms in', () => {
    const { template } = synthesize({ alarmEmail: 'runners@example.com' });
    template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'runners@example.com',
    });
    const [topic] = Object.values(template.findResources('AWS::SNS::Topic'));
    assert.ok(topic?.['Properties'].KmsMasterKeyId);
    const policies = JSON.stringify([
      template.findResources('AWS::SNS::TopicPolicy'),
      template.findResources('AWS::KMS::Key'),
    ]);
    assert.ok(policies.includes('"aws:SecureTransport":"false"'));
    assert.equal(policies.match(/"Service":"cloudwatch\.amazonaws\.com"/g)?.length, 2);
  });
});

describe('the dashboard', () => {
  it('shows the alarms, each host, and no more than fifty metrics for three hosts', () => {
    const { template } = synthesize({}, ['fast', 'big', 'mac']);
    const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
    const text = JSON.stringify(dashboard?.['Properties'].DashboardBody);
    for (const part of ['fast', 'big', 'mac', 'jobs_waiting', 'runners_alive', 'stats latest(runners)'])
      assert.ok(text.includes(part), part);
    for (const phase of ['event_delivery', 'queue'])
      for (const percent of ['p50', 'p95'])
        assert.match(
          text,
          new RegExp(
            String.raw`SEARCH\('\{[^}]*GitHubRunners/github-runners[^}]*host[^}]*pool[^}]*\} MetricName=[^']*job_${phase}_ms[^']*', '${percent}', 300\)`,
          ),
        );
    for (const phase of ['launch', 'boot', 'register', 'pick_up'])
      assert.ok(text.includes(`runner_${phase}_ms`), phase);
    const metrics = text.match(/\[\\\\?"(?:GitHubRunners|AWS)\//g) ?? [];
    assert.ok(metrics.length > 15 && metrics.length <= 50, `${metrics.length} metrics`);
  });
});

describe('the stack', () => {
  it('passes the AWS Solutions checks', () => {
    const { app } = synthesize({ alarmEmail: 'runners@example.com' });
    const { violations } = new AwsSolutionsChecks(app).validateScope(app);
    assert.deepEqual(
      violations.map(({ ruleName, description }) => `${ruleName}: ${description}`),
      [],
    );
  });

  it('has room for ten hosts of three systems each', () => {
    const hosts = Array.from({ length: 10 }, (_, n) => `host${n}`);
    const units: [FunctionKind, string][] = [
      ...functionNames,
      ...hosts.flatMap((host) =>
        ['linux', 'windows', 'macos'].flatMap((os): [FunctionKind, string][] => [
          ['launcher', `launcher-${host}-${os}`],
          ['terminator', `terminator-${host}-${os}`],
        ]),
      ),
    ];
    const { template } = synthesize({ alarmEmail: 'runners@example.com' }, hosts, units);
    const json = template.toJSON();
    assert.ok(Object.keys(json['Resources']).length < 400);
    assert.ok(JSON.stringify(json).length < 1_000_000);
    for (const { Properties } of Object.values(template.findResources('AWS::CloudWatch::CompositeAlarm')))
      assert.ok(JSON.stringify(Properties.AlarmRule).length < 10_240);
  });
});
