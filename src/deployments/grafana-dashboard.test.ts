import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { grafanaDashboard, mentions } from './grafana-dashboard.ts';
import { allMetrics } from './metrics.ts';

interface Dashboard {
  panels: {
    id: number;
    type: string;
    title: string;
    description?: string;
    gridPos: { x: number; y: number; w: number; h: number };
    targets?: { refId: string; expr: string }[];
  }[];
}

const dashboard = JSON.parse(grafanaDashboard()) as Dashboard;
const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);

test('docs/reference/grafana-dashboard.json is made from the list of metrics (`make reference` writes it)', () => {
  const file = readFileSync(
    resolve(import.meta.dirname, '../../docs/reference/grafana-dashboard.json'),
    'utf8',
  );
  assert.ok(file === grafanaDashboard(), 'the file is old: run `make reference`');
});

test('every metric is drawn, and nothing that is none', () => {
  for (const [name] of allMetrics)
    assert.ok(
      targets.some(({ expr }) => mentions(expr, name)),
      name,
    );
  for (const { expr } of targets) {
    const words = expr.replace(/"[^"]*"|\([a-z, ]*\) \(|\$\w+/g, ' ').match(/[a-z]+(?:_[a-z]+)+/g) ?? [];
    const unknown = words.filter(
      (word) => word !== 'histogram_quantile' && !allMetrics.has(word.replace(/_bucket$/, '')),
    );
    assert.deepEqual(unknown, [], expr);
  }
});

test('a distribution is drawn by its buckets, and what counts up by its rate', () => {
  for (const [name, { kind }] of allMetrics)
    for (const { expr } of targets.filter((target) => mentions(target.expr, name))) {
      assert.equal(expr.includes(`${name}_bucket`), kind === 'distribution', expr);
      assert.equal(/\brate\(/.test(expr), kind !== 'gauge', expr);
    }
});

test('panels have ids of their own, and none lies on another', () => {
  const { panels } = dashboard;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
  );
  assert.equal(new Set(cells).size, cells.length);
  for (const { type, description, targets: own = [] } of panels) {
    assert.ok(type === 'row' || (description !== undefined && own.length > 0));
    assert.equal(new Set(own.map(({ refId }) => refId)).size, own.length);
  }
});
