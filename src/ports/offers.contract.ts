import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Offers } from './offers.ts';

const startMs = 1_700_000_000_000;
const spot = 'm7g.large/eu-west-1a/spot';
const onDemand = 'm7g.large/eu-west-1a/on-demand';

/** What every memory of offers does. `createOffers` gives an empty one. */
export function offersContract(name: string, createOffers: () => Promise<Offers>): void {
  test(`${name}: an offer without capacity is unavailable until its time, and not from then on`, async () => {
    const offers = await createOffers();
    await offers.remember(spot, startMs + 60_000);
    assert.deepEqual([...(await offers.unavailable([onDemand, spot], startMs))], [[spot, startMs + 60_000]]);
    assert.equal((await offers.unavailable([spot], startMs + 59_999)).has(spot), true);
    assert.equal((await offers.unavailable([spot], startMs + 60_000)).has(spot), false);
  });

  test(`${name}: only the offers that were asked for are told`, async () => {
    const offers = await createOffers();
    await offers.remember(spot, startMs + 60_000);
    assert.equal((await offers.unavailable([onDemand], startMs)).size, 0);
    assert.equal((await offers.unavailable([], startMs)).size, 0);
  });

  test(`${name}: several offers have each their own time`, async () => {
    const offers = await createOffers();
    await offers.remember(spot, startMs + 60_000);
    await offers.remember(onDemand, startMs + 5_000);
    const now = await offers.unavailable([spot, onDemand, spot], startMs);
    assert.deepEqual([now.get(spot), now.get(onDemand), now.size], [startMs + 60_000, startMs + 5_000, 2]);
    assert.deepEqual([...(await offers.unavailable([spot, onDemand], startMs + 5_000)).keys()], [spot]);
  });

  test(`${name}: a second refusal makes the time longer, never shorter`, async () => {
    const offers = await createOffers();
    await offers.remember(spot, startMs + 60_000);
    await offers.remember(spot, startMs + 1_000);
    assert.equal((await offers.unavailable([spot], startMs)).get(spot), startMs + 60_000);
    await offers.remember(spot, startMs + 90_000);
    assert.equal((await offers.unavailable([spot], startMs)).get(spot), startMs + 90_000);
  });

  test(`${name}: any text can be an offer`, async () => {
    const offers = await createOffers();
    const odd = `it's "odd"; \\ — ünïcode`;
    await offers.remember(odd, startMs + 1_000);
    assert.deepEqual([...(await offers.unavailable([odd], startMs)).keys()], [odd]);
  });
}
