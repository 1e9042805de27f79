// The file docs/reference/grafana-dashboard.json, for a Grafana that has the system's metrics by a Prometheus. What is
// looked at first is laid out here by name; every metric that is not among it follows by itself, drawn as its kind is.

import { metrics as publisher } from '../flow/publisher/metrics.ts';
import { metrics as reconciler } from '../flow/reconciler/metrics.ts';
import type { Metric } from '../ports/telemetry.ts';
import { allMetrics, gitHubMetrics } from './metrics.ts';

interface Target {
  /** PromQL. */
  expr: string;
  legend: string;
}

interface Panel {
  title: string;
  /** For people: what it tells, and what to do about it. */
  says: string;
  unit: 'short' | 'ms' | 'ops';
  targets: readonly Target[];
}

interface Row {
  title: string;
  panels: readonly Panel[];
}

/** By the variables of the dashboard. */
const ofHost = '{host=~"$host"}';
const ofPool = '{host=~"$host", pool=~"$pool"}';

const first: readonly Row[] = [
  {
    title: 'Why jobs wait',
    panels: [
      {
        title: 'Jobs that wait',
        says: 'Waiting, and held back by GitHub though a runner was there for them.',
        unit: 'short',
        targets: [
          { expr: `${reconciler.waiting}${ofHost}`, legend: '{{host}} waiting' },
          { expr: `${reconciler.held}${ofHost}`, legend: '{{host}} held' },
        ],
      },
      {
        title: 'Since when the oldest job waits',
        says: 'A host that is full makes jobs wait; `runners why <job>` says what a single one waits for.',
        unit: 'ms',
        targets: [{ expr: `${reconciler.oldestWaitingMs}${ofHost}`, legend: '{{host}}' }],
      },
      {
        title: 'Places of each host, and its limit',
        says: 'Where the places reach the limit, jobs wait for others to end.',
        unit: 'short',
        targets: [
          { expr: `${reconciler.alive}${ofHost}`, legend: '{{host}} alive' },
          { expr: `${reconciler.limit}${ofHost}`, legend: '{{host}} limit' },
        ],
      },
      {
        title: 'Runners by class',
        says: 'Coming, busy, ending, and standing by.',
        unit: 'short',
        targets: [{ expr: `sum by (class) (${reconciler.runners}${ofPool})`, legend: '{{class}}' }],
      },
    ],
  },
  {
    title: 'Where the time goes',
    panels: [
      ...[0.5, 0.95].map((share): Panel => {
        const phases: [metric: string, legend: string][] = [
          [publisher.eventDeliveryMs, 'event delivery'],
          [publisher.queueMs, 'queue'],
          [publisher.launchMs, 'launch'],
          [publisher.bootMs, 'boot'],
          [publisher.registerMs, 'register'],
          [publisher.pickUpMs, 'pick-up'],
        ];
        return {
          title: `Phases of the wait, p${share * 100}`,
          says: 'Of jobs and runners that have ended lately. The trace of a job shows its own.',
          unit: 'ms',
          targets: phases.map(([metric, legend]) => ({ expr: quantile(share, metric, ofPool), legend })),
        };
      }),
      {
        title: 'Queue by pool, p95',
        says: 'From when an event was stored until a runner was ordered: limits, budgets, back-off.',
        unit: 'ms',
        targets: [{ expr: quantile(0.95, publisher.queueMs, ofPool, ['pool']), legend: '{{pool}}' }],
      },
      {
        title: 'Boot by pool, p95',
        says: 'From the launch until the machine claims its configuration: image, size, host.',
        unit: 'ms',
        targets: [{ expr: quantile(0.95, publisher.bootMs, ofPool, ['pool']), legend: '{{pool}}' }],
      },
    ],
  },
  {
    title: 'What goes wrong, and what heals it',
    panels: [
      {
        title: 'Runners that failed, by cause',
        says: 'They ended without a job by no decision of ours; another is ordered. The log has each with its reason.',
        unit: 'ops',
        targets: [
          { expr: rate(publisher.runnersFailed, ofPool, ['pool', 'cause']), legend: '{{pool}} {{cause}}' },
        ],
      },
      {
        title: 'Healing, by kind',
        says: 'Deadlines that passed and what was done about them. A little is normal: events get lost.',
        unit: 'ops',
        targets: [
          { expr: rate(reconciler.duties, '', ['duty']), legend: '{{duty}}' },
          { expr: rate(reconciler.uncounted, '', []), legend: 'changes told again' },
          { expr: rate(reconciler.jobsFound, '', []), legend: 'jobs found' },
          { expr: rate(reconciler.redeliveries, '', []), legend: 'redeliveries' },
          { expr: rate(reconciler.strays, '', []), legend: 'strays' },
        ],
      },
      {
        title: 'Requests that GitHub still takes this hour',
        says: 'By installation. Below a tenth, regular looks stop, and jobs go on.',
        unit: 'short',
        targets: [{ expr: gitHubMetrics.rateLeft, legend: 'installation {{installation}}' }],
      },
      {
        title: 'Circuit breakers and pauses',
        says: 'Pools for which nothing is ordered but one runner now and then, or nothing at all.',
        unit: 'short',
        targets: [
          { expr: `${reconciler.breakerOpen}${ofPool} > 0`, legend: '{{pool}} breaker open' },
          { expr: `${reconciler.paused}${ofPool} > 0`, legend: '{{pool}} paused' },
        ],
      },
    ],
  },
];

/** Grafana's grid has 24 columns. */
const panelWidth = 12;
const panelHeight = 8;
const rowHeight = 1;
/** The version of the format that all Grafanas since 10 read. */
const schemaVersion = 39;

export function grafanaDashboard(): string {
  const rows = [...first, rowOfOthers()];
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: own } of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: 2 * panelWidth, h: rowHeight },
      panels: [],
    });
    y += rowHeight;
    for (const [n, panel] of own.entries()) {
      const x = (n % 2) * panelWidth;
      panels.push(drawn(panel, panels.length + 1, { x, y: y + Math.floor(n / 2) * panelHeight }));
    }
    y += Math.ceil(own.length / 2) * panelHeight;
  }
  const dashboard = {
    title: 'GitHub Actions runners',
    uid: 'github-actions-runners',
    description: 'Written by `make reference` from the list of metrics.',
    tags: ['github-actions'],
    schemaVersion,
    timezone: '',
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    editable: true,
    templating: {
      list: [dataSource, variable('host', reconciler.alive), variable('pool', reconciler.runners)],
    },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

const source = { type: 'prometheus', uid: '$datasource' };

const dataSource = { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' };

function variable(label: string, metric: string) {
  const query = `label_values(${metric}, ${label})`;
  return {
    name: label,
    type: 'query',
    datasource: source,
    definition: query,
    query: { query, refId: label },
    refresh: 2,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
}

function drawn({ title, says, unit, targets }: Panel, id: number, at: { x: number; y: number }) {
  return {
    id,
    type: 'timeseries',
    title,
    description: says,
    datasource: source,
    gridPos: { ...at, w: panelWidth, h: panelHeight },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: targets.map(({ expr, legend }, n) => ({
      refId: String.fromCodePoint('A'.charCodeAt(0) + n),
      datasource: source,
      expr,
      legendFormat: legend,
    })),
  };
}

/** Whatever a metrics.ts names that no panel above draws. */
function rowOfOthers(): Row {
  const named = first.flatMap(({ panels }) =>
    panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  );
  const others = [...allMetrics].filter(([name]) => !named.some((expr) => mentions(expr, name)));
  return {
    title: 'Everything else',
    panels: others.map(([name, metric]) => panelOf(name, metric)),
  };
}

function panelOf(name: string, { kind, unit, says }: Metric): Panel {
  switch (kind) {
    case 'count':
      return {
        title: name,
        says,
        unit: 'ops',
        targets: [{ expr: `rate(${name}[$__rate_interval])`, legend: '' }],
      };
    case 'gauge':
      return {
        title: name,
        says,
        unit: unit === 'ms' ? 'ms' : 'short',
        targets: [{ expr: name, legend: '' }],
      };
    case 'distribution':
      return {
        title: `${name}, p50 and p95`,
        says,
        unit: unit === 'ms' ? 'ms' : 'short',
        targets: [0.5, 0.95].map((share) => ({ expr: quantile(share, name, ''), legend: `p${share * 100}` })),
      };
    default:
      return kind satisfies never;
  }
}

function rate(metric: string, labels: string, by: readonly string[]): string {
  return `sum by (${by.join(', ')}) (rate(${metric}${labels}[$__rate_interval]))`;
}

function quantile(share: number, metric: string, labels: string, by: readonly string[] = []): string {
  const kept = ['le', ...by].join(', ');
  return `histogram_quantile(${share}, sum by (${kept}) (rate(${metric}_bucket${labels}[$__rate_interval])))`;
}

/** As a whole name: `runners` is not in `runners_alive`. */
export function mentions(expr: string, metric: string): boolean {
  return new RegExp(`(?<![a-z_])${metric}(?:_bucket)?(?![a-z_])`).test(expr);
}
