// Every scenario, in the order in which they are told.

import { cancelledMatrix } from './cancelled-matrix.ts';
import { lostConfigurationClaimed, lostConfigurationHandedOver } from './lost-configuration.ts';
import { failedQueued, neverSentActive, neverSentQuiet } from './lost-queued.ts';
import { neverRegisters } from './never-registers.ts';
import type { Scenario } from './scenario.ts';
import { stolenSpecial } from './stolen-special.ts';

export const scenarios: readonly Scenario[] = [
  neverSentActive,
  neverSentQuiet,
  failedQueued,
  cancelledMatrix,
  lostConfigurationClaimed,
  lostConfigurationHandedOver,
  neverRegisters,
  stolenSpecial,
];
