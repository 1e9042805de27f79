// Every scenario, in the order in which they are told.

import { approval, approvalUnheard } from './approval.ts';
import { cancelledMatrix } from './cancelled-matrix.ts';
import { labelsMoved, loweredLimit, poolGone } from './changed-configuration.ts';
import { gitHubAhead, gitHubBehind } from './clock-skew.ts';
import { deprecatedRunner } from './deprecated-runner.ts';
import { gitHubDown } from './github-down.ts';
import { diesAfterCall, diesBeforeCall } from './handler-dies.ts';
import { maxParallel } from './held-back.ts';
import { idleForEver } from './idle-for-ever.ts';
import { killedProcess } from './killed-process.ts';
import { laggingIndex } from './lagging-index.ts';
import { lateBusy } from './late-busy.ts';
import { lostCompleted } from './lost-completed.ts';
import { lostConfigurationClaimed, lostConfigurationHandedOver } from './lost-configuration.ts';
import { failedQueued, neverSentActive, neverSentQuiet } from './lost-queued.ts';
import { neverRegisters } from './never-registers.ts';
import { overtakingRemoval } from './overtaking-removal.ts';
import { releaseRace } from './release-race.ts';
import { rerun } from './rerun.ts';
import { reusedMachine } from './reused-machine.ts';
import type { Scenario } from './scenario.ts';
import { spareDies } from './spare-dies.ts';
import { spareStopped } from './spare-stopped.ts';
import { sparesComeBack } from './spares-come-back.ts';
import { stolenSpecial } from './stolen-special.ts';
import { strayEntry } from './stray-entry.ts';
import { stuckStream } from './stuck-stream.ts';
import { swappedJobs } from './swapped-jobs.ts';
import { takenBack } from './taken-back.ts';
import { throttledHost } from './throttled-host.ts';
import { twinOrders } from './twin-orders.ts';
import { twoPublishers } from './two-publishers.ts';
import { deletedInstallation, suspendedInstallation } from './unusable-installation.ts';

export const scenarios: readonly Scenario[] = [
  neverSentActive,
  neverSentQuiet,
  failedQueued,
  cancelledMatrix,
  lostConfigurationClaimed,
  lostConfigurationHandedOver,
  neverRegisters,
  stolenSpecial,
  releaseRace,
  throttledHost,
  twoPublishers,
  stuckStream,
  gitHubDown,
  suspendedInstallation,
  deletedInstallation,
  gitHubAhead,
  gitHubBehind,
  diesAfterCall,
  diesBeforeCall,
  twinOrders,
  swappedJobs,
  idleForEver,
  lostCompleted,
  strayEntry,
  laggingIndex,
  lateBusy,
  overtakingRemoval,
  maxParallel,
  approval,
  approvalUnheard,
  rerun,
  deprecatedRunner,
  takenBack,
  spareDies,
  spareStopped,
  reusedMachine,
  sparesComeBack,
  poolGone,
  loweredLimit,
  labelsMoved,
  killedProcess,
];
