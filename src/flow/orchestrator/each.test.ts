import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endOrder, hostName, messages, prefix, silent } from '../../../test/fixtures/stations.ts';
import type { RunnerName } from '../../core/ids.ts';
import { eachByItself, receivesMax } from './each.ts';

const nameOf = (letter: string) => `${prefix}-${hostName}-lint-${letter.repeat(26)}` as RunnerName;

describe('a batch of orders', () => {
  it('fails for none of the others when one fails: that one comes again by itself, and the fault is said', async () => {
    const said: unknown[] = [];
    const telemetry = {
      ...silent,
      log: (_level: string, _message: string, fields?: object) => void said.push(fields),
    };
    const handled: string[] = [];
    const run = eachByItself({ hostName, telemetry }, async (order) => {
      if (order.status !== 'terminate') return null;
      if (order.runner === nameOf('a')) throw new Error('the host has a bad moment');
      // Whoever fails at once does not end the run of those that take longer.
      await new Promise((resolve) => setImmediate(resolve));
      handled.push(order.runner);
      return order.runner === nameOf('b') ? 7_000 : null;
    });
    const outcomes = await run(messages(...['a', 'b', 'c'].map((letter) => endOrder(nameOf(letter)))));
    assert.deepEqual(handled, [nameOf('b'), nameOf('c')]);
    assert.deepEqual(outcomes, [
      { id: '1', outcome: 'retry', delayMs: 60_000 },
      { id: '2', outcome: 'retry', delayMs: 7_000 },
      { id: '3', outcome: 'done' },
    ]);
    assert.equal(said.length, 1);
    assert.match(JSON.stringify(said), new RegExp(`${nameOf('a')}.*the host has a bad moment`));
  });

  it('makes no dead letter of an order that only waits, and one of an order that always fails', async () => {
    const order = endOrder(nameOf('a'));
    const last = [{ id: '1', body: order, receiveCount: receivesMax }];
    const waits = eachByItself({ hostName, telemetry: silent }, async () => 5_000);
    assert.deepEqual(await waits(last), [{ id: '1', outcome: 'done' }]);
    const before = [{ id: '1', body: order, receiveCount: receivesMax - 1 }];
    assert.deepEqual(await waits(before), [{ id: '1', outcome: 'retry', delayMs: 5_000 }]);
    const fails = eachByItself({ hostName, telemetry: silent }, () => Promise.reject(new Error('always')));
    assert.deepEqual(await fails(last), [{ id: '1', outcome: 'retry', delayMs: 60_000 }]);
  });
});
