import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { scenarios } from './index.ts';
import { playScenario } from './play.ts';

for (const scenario of scenarios) {
  test(scenario.shows, async () => {
    await playScenario(scenario);
  });
}

test('no two scenarios have one name', () => {
  assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
});

test('docs/reliability.md tells of every scenario, in its own words', () => {
  const written = readFileSync(new URL('../../../../docs/reliability.md', import.meta.url), 'utf8');
  const told = written.replace(/ +/g, ' ');
  for (const { name, shows } of scenarios) assert.ok(told.includes(`| \`${name}\` | ${shows} |`), name);
});
