// One page with what the alarms look at, and what explains them. CloudWatch asks nothing for three dashboards of an
// account, with fifty metrics each; three hosts have fewer than that here. What has no series (runners by class) is
// asked of the logs, when somebody looks.

import {
  type AlarmBase,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  LogQueryVisualizationType,
  LogQueryWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { metrics as orchestrator } from '../../../../flow/orchestrator/metrics.ts';
import { metrics as publisher } from '../../../../flow/publisher/metrics.ts';
import { metrics as reconciler } from '../../../../flow/reconciler/metrics.ts';
import type { ObservabilityProps } from '../observability-stack.ts';
import { guide } from './alarms.ts';
import { most, ofApi, ofQueue, ofTable, percentile, searched, told, total } from './measures.ts';

/** CloudWatch lays widgets out on a grid of 24. */
const half = 12;
const third = 8;
const full = 24;

/** Outcomes of launches that are drawn; the others are in the logs. */
const outcomes = ['launched', 'noCapacity', 'throttled', 'unknown'];

/** Queues that are drawn: the oldest message of each is worth a line only while there are few. */
const queuesMax = 12;

export function createDashboard(
  scope: Construct,
  props: ObservabilityProps,
  alarms: readonly AlarmBase[],
): void {
  const { settings, hosts, queues, apiId, tableName } = props;
  const own = (name: string, dimensions: Record<string, string>, look: Parameters<typeof told>[3]) =>
    told(settings.stackName, name, dimensions, look);
  const eachHost = (name: string, look: (label: string) => Parameters<typeof told>[3]) =>
    hosts.map((host) => own(name, { host: host.name }, look(host.name)));

  new Dashboard(scope, 'Dashboard', {
    defaultInterval: Duration.hours(3),
    widgets: [
      [
        new TextWidget({
          markdown: `# Runners: ${settings.stackName}\nWhat each alarm means and what to do: \`${guide}\` in the repository.`,
          width: full,
          height: 2,
        }),
      ],
      [new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: full, height: 4 })],
      [
        graph(
          'Jobs waiting',
          eachHost(reconciler.waiting, (label) => most(1, label)),
          third,
        ),
        graph(
          'Age of the oldest waiting job (ms)',
          eachHost(reconciler.oldestWaitingMs, (label) => most(1, label)),
          third,
          [{ value: settings.alarmWaitMinutes * 60_000, label: 'alarm' }],
        ),
        graph(
          'Runners alive, and limits',
          eachHost(reconciler.alive, (label) => most(1, label)),
          third,
          hosts.map((host) => ({ value: host.limit, label: `limit of ${host.name}` })),
        ),
      ],
      [
        graph(
          'From order to launch call (ms): half, and all but five in a hundred',
          [
            ...eachHost(orchestrator.waitMs, (label) => percentile(50, 5, `${label} p50`)),
            ...eachHost(orchestrator.waitMs, (label) => percentile(95, 5, `${label} p95`)),
          ],
          half,
        ),
        graph(
          'Launches by answer',
          outcomes.map((outcome) => own(orchestrator.launches, { outcome }, total(5, outcome))),
          half,
        ),
      ],
      ...phaseRows(settings.stackName),
      [
        graph(
          'Requests to the HTTP API',
          ['Count', '4xx', '5xx'].map((name) => ofApi(apiId, name, total(5, name))),
          third,
        ),
        graph(
          'Answers of the HTTP API (ms)',
          [50, 99].map((percent) => ofApi(apiId, 'Latency', percentile(percent, 5, `p${percent}`))),
          third,
        ),
        graph(
          'Table: units consumed',
          [
            ofTable(tableName, 'ConsumedReadCapacityUnits', total(5, 'read')),
            ofTable(tableName, 'ConsumedWriteCapacityUnits', total(5, 'write')),
          ],
          third,
        ),
      ],
      [
        graph(
          'Oldest message of each queue (s)',
          queues
            .slice(0, queuesMax)
            .map(({ name, queue }) => ofQueue(queue, 'ApproximateAgeOfOldestMessage', most(5, name))),
          half,
        ),
        new LogQueryWidget({
          title: 'Runners by class',
          view: LogQueryVisualizationType.TABLE,
          width: half,
          logGroupNames: [props.stepsLogGroupName],
          queryLines: [
            `filter ispresent(${reconciler.runners}) and ispresent(class)`,
            `stats latest(${reconciler.runners}) as now by host, pool, class`,
            'sort host, pool, class',
          ],
        }),
      ],
    ],
  });
}

/** The parts of a job's wait, in their order. */
const phasesOfWait = [
  ['Wait: event delivery', publisher.eventDeliveryMs],
  ['Wait: queue', publisher.queueMs],
  ['Wait: launch', publisher.launchMs],
  ['Wait: boot', publisher.bootMs],
  ['Wait: register', publisher.registerMs],
  ['Wait: pick-up', publisher.pickUpMs],
] as const;

/** Two rows of three. */
function phaseRows(stackName: string): GraphWidget[][] {
  const graphs = phasesOfWait.map(([title, name]) =>
    graph(
      `${title} (ms), by host and pool`,
      [50, 95].map((percent) => searched(stackName, name, ['host', 'pool'], percent)),
      third,
    ),
  );
  return [graphs.slice(0, 3), graphs.slice(3)];
}

function graph(
  title: string,
  left: readonly IMetric[],
  width: number,
  lines: readonly { value: number; label: string }[] = [],
): GraphWidget {
  return new GraphWidget({
    title,
    width,
    left: [...left],
    leftYAxis: { min: 0 },
    leftAnnotations: [...lines],
  });
}
