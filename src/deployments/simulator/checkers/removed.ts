// After its removal at GitHub no job can be given to a runner, which is what allows its machine to be ended. So nothing
// registers it again from then on: whoever does gives GitHub a runner whose machine is about to end.

import { ownRunnerName } from '../../../core/ids.ts';
import { deploymentOf } from '../landscape.ts';
import type { Checker, Scene } from './checker.ts';

export function createRemovedChecker(scene: Scene): Checker {
  const { prefix } = deploymentOf(0);
  return {
    look() {
      for (const { name, phase, mintedAt } of scene.gitHubRunners.values()) {
        const own = ownRunnerName(prefix, name);
        const removedAt = own ? (scene.truth.runners.get(own)?.removedAt ?? null) : null;
        // A registration that a stalled run makes too late is handed to no machine, and is found by the list.
        if (removedAt === null || mintedAt < removedAt || phase === 'registered') continue;
        const lateMs = mintedAt - removedAt;
        scene.fail(
          'removed',
          `runner ${name} was registered ${lateMs} ms after its removal, and is ${phase}`,
          [name],
        );
      }
    },
  };
}
