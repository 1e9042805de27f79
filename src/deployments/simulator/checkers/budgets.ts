// Shared budgets: no more is ordered in any span of time than the terms of GitHub and of the host allow. Only where
// nothing is slow: a run that stalls between the reservation and its commit orders later what it was granted before.

import type { HostName } from '../../../core/ids.ts';
import {
  fullTokenClock,
  reserveTokens,
  type TokenClock,
  type TokenTerms,
} from '../../../core/token-clock.ts';
import type { Checker, Scene } from './checker.ts';

/** Between a reservation and its commit a token may come back. */
const tokensBetween = 1;

export function createBudgetsChecker(scene: Scene): Checker {
  const clocks = new Map<string, TokenClock>();
  if (!scene.isCalm) return {};

  return {
    committed(commit) {
      const launches = commit.runnersNew.filter((runner) => runner.activates === null).length;
      spend(`launches of host ${commit.host}`, launchTerms(commit.host), launches);
      const mints = new Map<number, number>();
      for (const { scope } of commit.runnersNew)
        if (scope) mints.set(scope.installation, (mints.get(scope.installation) ?? 0) + 1);
      const { mintBurst, mintsPerMinute } = scene.configuration.github;
      for (const [installation, count] of mints)
        spend(
          `configurations of installation ${installation}`,
          { burst: mintBurst, perSecond: mintsPerMinute / 60 },
          count,
        );
    },
  };

  function launchTerms(host: HostName): TokenTerms {
    const settings = scene.configuration.hosts.find(({ name }) => name === host);
    return { burst: settings?.launchBurst ?? 1, perSecond: settings?.launchesPerSecond ?? 1 };
  }

  function spend(what: string, { burst, perSecond }: TokenTerms, count: number): void {
    const terms = { burst: burst + tokensBetween, perSecond };
    const { clock, granted } = reserveTokens(
      clocks.get(what) ?? fullTokenClock,
      terms,
      count,
      scene.clock.now(),
    );
    clocks.set(what, clock);
    if (granted < count) scene.fail('budgets', `${what}: ${count} at once, and ${granted} were allowed`);
  }
}
