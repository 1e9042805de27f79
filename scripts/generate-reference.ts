// Writes the reference pages that are made from the source. `make reference` runs it; a test finds a page that is old.

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { configurationReference } from '../src/config/reference.ts';
import { grafanaDashboard } from '../src/deployments/grafana-dashboard.ts';
import { metricsReference } from '../src/deployments/metrics-reference.ts';

const pages = {
  'configuration.md': configurationReference(),
  'metrics.md': metricsReference(),
  'grafana-dashboard.json': grafanaDashboard(),
};

for (const [name, text] of Object.entries(pages)) {
  const page = resolve(import.meta.dirname, '../docs/reference', name);
  writeFileSync(page, text);
  console.log(page);
}
