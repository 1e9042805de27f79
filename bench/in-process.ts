// The shipped pipeline in this process, with a GitHub that answers at once and machines that the benchmark ends.

import { createMemoryBudgets } from '../src/adapters/budgets/memory/index.ts';
import { createSystemClock } from '../src/adapters/clock/system/index.ts';
import { createSystemRandom } from '../src/adapters/clock/system/random.ts';
import {
  createSimulatedGround,
  createSimulatedHost,
  type SimulatedMachine,
  type SimulatedObserver,
} from '../src/adapters/hosts/simulated/index.ts';
import { simulatedHostOptions } from '../src/adapters/hosts/simulated/options.ts';
import { createRecorder, type Recorder } from '../src/adapters/telemetry/recorder/index.ts';
import type { Configuration } from '../src/core/configuration.ts';
import { type DeploymentPrefix, gitHubName } from '../src/core/ids.ts';
import { createPipeline, type Pipeline, type PipelineDeps } from '../src/deployments/pipeline.ts';
import type { GitHub } from '../src/ports/github.ts';
import { webhookSecret } from './setting.ts';

export const deployment = {
  prefix: 'bench' as DeploymentPrefix,
  claimKey: Buffer.alloc(32, 1).toString('base64'),
};

export interface InProcess {
  pipeline: Pipeline;
  recorder: Recorder;
}

export function createInProcess(deps: {
  configuration: Configuration;
  table: PipelineDeps['table'];
  onUp: (machine: SimulatedMachine) => void;
  observer?: SimulatedObserver;
}): InProcess {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const recorder = createRecorder();
  const { configuration, onUp, observer } = deps;
  const pipeline = createPipeline({
    clock,
    random,
    configuration,
    gitHubName: gitHubName('github.com'),
    deployment,
    table: deps.table,
    github: gitHubThatAnswersAtOnce(),
    budgets: createMemoryBudgets(),
    hosts: (doors) => {
      const ground = createSimulatedGround({ clock, ...(observer && { observer }) });
      return new Map(
        configuration.hosts.map(({ name, options }) => [
          name,
          createSimulatedHost({
            deployment: deployment.prefix,
            options: simulatedHostOptions.parse(options),
            clock,
            random,
            ground,
            program: (machine) => {
              onUp(machine);
              return { vanish: () => {} };
            },
            onEvent: (event) => doors.hostEvent(name, event),
          }),
        ]),
      );
    },
    webhookSecrets: [webhookSecret],
    claimUrl: 'http://127.0.0.1/runners/claim',
    telemetry: recorder,
  });
  return { pipeline, recorder };
}

/** Its answers cost nothing, so that what is measured is ours. */
function gitHubThatAnswersAtOnce(): GitHub {
  let runners = 0;
  return {
    async mintRunner() {
      runners += 1;
      return { outcome: 'minted', runnerId: runners, jitConfig: 'x' };
    },
    removeRunner: async () => 'removed',
    findRunner: async () => null,
    listRunners: async () => [],
    readJob: async () => null,
    queuedJobs: async () => [],
    readRun: async () => null,
    rerun: async () => ({ outcome: 'accepted' }),
    deliveriesSince: async () => [],
    redeliver: async () => {},
    installations: async () => [],
    repositories: async () => [],
    hookAddresses: async () => [],
    rateLeft: () => null,
  };
}
