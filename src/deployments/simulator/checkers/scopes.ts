// A machine that works for one runner after another serves one scope alone: what a job leaves on it is nobody else's.

import type { MachineId } from '../../../core/ids.ts';
import { scopeName } from '../../../core/scope.ts';
import type { Checker, Scene } from './checker.ts';

export function createScopesChecker(scene: Scene): Checker {
  const served = new Map<MachineId, string>();
  return {
    runnerWritten({ name, machine, scope, launchedAt }) {
      if (machine === null || scope === null || launchedAt === null) return;
      const before = served.get(machine) ?? scopeName(scope);
      served.set(machine, before);
      if (before === scopeName(scope)) return;
      const text = `machine ${machine} has worked for ${before}, and is given to ${scopeName(scope)}`;
      scene.fail('scopes', text, [name]);
    },
  };
}
