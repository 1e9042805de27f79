// The teeth, whole: about five minutes on two cores.

import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { biteAll, checkBaselines } from './mutations/bite.ts';
import { mutations } from './mutations/list.ts';

const workers = Math.min(2, availableParallelism());

test('the code as it is keeps every promise over the seeds of the teeth', async () => {
  const baselines = await checkBaselines(mutations, workers, () => {});
  const unclean = baselines.filter(({ caught }) => caught !== null);
  assert.deepEqual(
    unclean.map(({ faults, caught }) => `${faults}, seed ${caught?.seed}: ${caught?.by}: ${caught?.text}`),
    [],
  );
});

test('each mutation is caught by a checker, and those that can not be are covered by another rule', async () => {
  const bites = await biteAll(mutations, workers, () => {});
  const isBitten = ({ mutation, caught }: (typeof bites)[number]): boolean =>
    mutation.equivalent ? caught === null : caught !== null && mutation.expects.includes(caught.by);
  assert.deepEqual(
    bites
      .filter((bite) => !isBitten(bite))
      .map(
        ({ mutation, caught }) => `${mutation.name}: ${caught ? `${caught.by}: ${caught.text}` : 'survived'}`,
      ),
    [],
  );
});
