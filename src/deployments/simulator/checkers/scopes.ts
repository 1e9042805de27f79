// A machine that works for one runner after another serves one scope alone: what a job leaves on it is nobody else's.

import { scopeName } from '../../../core/scope.ts';
import type { Checker, Scene } from './checker.ts';

export function createScopesChecker(scene: Scene): Checker {
  const served = new Map<string, string>();
  return {
    runnerWritten({ name, host, machine, scope, launchedAt }) {
      if (machine === null || scope === null || launchedAt === null) return;
      const key = `${host} ${machine}`;
      const before = served.get(key) ?? scopeName(scope);
      served.set(key, before);
      if (before === scopeName(scope)) return;
      const text = `machine ${machine} has worked for ${before}, and is given to ${scopeName(scope)}`;
      scene.fail('scopes', text, [name]);
    },
  };
}
