import assert from 'node:assert/strict';
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
