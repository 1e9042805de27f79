import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { countIdleHour } from '../bench/price/idle.ts';
import { costOf, prices, sum, times } from '../bench/price/prices.ts';
import { minutesPerMonth, standing } from '../bench/price/standing.ts';
import { lambdaMs, usageOf } from '../bench/price/usage.ts';
import { allMetrics } from '../src/deployments/metrics.ts';

const hosts = 3;

describe('a price', () => {
  it('is what is used, by what it costs, the dearest first', () => {
    const { lines, usd } = costOf({ lambdaRequests: 3_000_000, secretMonths: 2, sqsRequests: 0 });
    assert.deepEqual(
      lines.map(({ item, usd: each }) => [item, Math.round(each * 100) / 100]),
      [
        ['secretMonths', 0.8],
        ['lambdaRequests', 0.6],
      ],
    );
    assert.ok(Math.abs(usd - 1.4) < 1e-9);
    for (const [item, { usd: one, per }] of Object.entries(prices)) assert.ok(one > 0 && per >= 1, item);
  });

  it('of several uses is that of their sum', () => {
    const twice = times({ sqsRequests: 5, metricMonths: 1 }, 2);
    assert.deepEqual(sum(twice, { sqsRequests: 1 }), { sqsRequests: 11, metricMonths: 2 });
  });
});

describe('what is used', () => {
  const counts = {
    invocations: new Map([
      ['producer', 3],
      ['publisher', 2],
      ['launcher', 1],
    ]),
    calls: new Map([
      ['producer', new Map([['PutItem', 3]])],
      ['publisher', new Map([['Publish (Jobs Topic)', 1]])],
      ['messenger', new Map([['Publish (Publisher Topic)', 2]])],
    ]),
    readUnits: 4,
    writeUnits: 9,
  };

  it('follows from what was counted', () => {
    const usage = usageOf(counts);
    assert.equal(usage.lambdaRequests, 6);
    assert.equal(usage.httpApiRequests, 3);
    assert.equal(usage.snsPublishes, 1);
    assert.equal(usage.snsFifoPublishes, 2);
    assert.equal(usage.sqsFifoRequests, 2 + 2 * 2, 'two deliveries, and two batches received and deleted');
    assert.equal(usage.sqsRequests, 1 + 1 * 2);
    assert.equal(usage.dynamoDbWriteUnits, 9);
  });

  it('has the time of a run by its share of the requests', () => {
    const one = { ...counts, invocations: new Map([['producer', 3]]) };
    const without = { ...one, calls: new Map() };
    assert.ok(lambdaMs(one) > lambdaMs(without));
    assert.equal(
      lambdaMs({ ...one, invocations: new Map([['producer', 6]]), calls: new Map() }),
      2 * lambdaMs(without),
    );
  });

  it('of a station that no function runs is a mistake', () => {
    assert.throws(() => usageOf({ ...counts, invocations: new Map([['stranger', 1]]) }), /stranger/);
  });
});

describe('a month of three hosts without a job', () => {
  let idle: Awaited<ReturnType<typeof countIdleHour>>;
  before(async () => {
    idle = await countIdleHour(hosts);
  });

  it('has a tick each minute, a bounded number of steps, and a Publisher that runs for recounts alone', () => {
    const { invocations } = idle;
    assert.equal(invocations.get('tick'), 60);
    const perMinute = (invocations.get('reconciler') ?? 0) / 60;
    // Four steps of each host, two of the deployment, and the looks that are due.
    assert.ok(perMinute >= 4 * hosts + 2 && perMinute <= 4 * hosts + 2 + 8, `${perMinute} steps a minute`);
    assert.ok((invocations.get('publisher') ?? 0) <= hosts * 7, 'a recount of each host each ten minutes');
    assert.equal(invocations.get('launcher') ?? 0, 0);
  });

  it('costs no more than is said', () => {
    const ticking = times(usageOf(idle), minutesPerMonth / 60);
    const { usage } = standing(hosts);
    assert.ok(costOf(ticking).usd < 3, `${costOf(ticking).usd} for the tick`);
    assert.ok(costOf(sum(ticking, usage)).usd < 18, `${costOf(sum(ticking, usage)).usd} in all`);
  });

  it('has metrics for a few dollars', () => {
    const { series } = standing(hosts);
    assert.ok(series > 0 && series * prices.metricMonths.usd < 5, `${series} series`);
  });
});

describe('metrics', () => {
  it('are named for what they are', () => {
    for (const [name, { kind, unit, says }] of allMetrics) {
      assert.match(name, /^[a-z][a-z_]*$/);
      assert.equal(kind === 'count', name.endsWith('_total'), name);
      assert.equal(unit === 'ms', name.endsWith('_ms'), name);
      assert.match(says, /^[A-Z].*\.$/, name);
    }
  });
});
