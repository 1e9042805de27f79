// Each host in the table keeps the contract: to list a host is to test it.

import type { ContractNames, FixtureTime, HostFixture } from '../../ports/host.contract.ts';
import { hostContract } from '../../ports/host.contract.ts';
import { createSystemClock } from '../clock/system/index.ts';
import { createVirtualClock } from '../clock/virtual/index.ts';
import { createSeededRandom } from '../clock/virtual/random.ts';
import { hostTypes } from './index.ts';

interface Testing {
  time: 'virtual' | 'system';
  sight?: 'blind';
  makeFixture(names: ContractNames, time: FixtureTime): Promise<HostFixture>;
}

/** Virtual time costs nothing, so a second passes at once. */
const virtualPassMs = 1000;
const passMs = 10;

for (const kind of Object.keys(hostTypes)) {
  const { time, sight, makeFixture }: Testing = await import(`./${kind}/testing.ts`);
  hostContract(kind, (names) => makeFixture(names, time === 'virtual' ? virtualTime() : systemTime()), sight);
}

function virtualTime(): FixtureTime {
  const clock = createVirtualClock(1_700_000_000_000);
  const pass = async (): Promise<void> => {
    await clock.advance(virtualPassMs);
  };
  return { clock, random: createSeededRandom(1), pass };
}

function systemTime(): FixtureTime {
  const clock = createSystemClock();
  return { clock, random: createSeededRandom(1), pass: () => clock.sleep(passMs) };
}
