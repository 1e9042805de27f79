// Who made a runner: only what carries this deployment's prefix is ours.

import { type DeploymentPrefix, ownRunnerName, parseRunnerName } from '../core/ids.ts';
import type { OwnRunner } from '../core/plan/count.ts';

export function ownRunnersOf(prefix: DeploymentPrefix): OwnRunner {
  return (name) => {
    const own = ownRunnerName(prefix, name);
    const host = own ? parseRunnerName(own)?.host : null;
    return own && host ? { name: own, host } : null;
  };
}
