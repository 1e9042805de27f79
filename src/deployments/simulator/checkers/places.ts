// P1, at its root: a place is free only when no machine lives in it, and no machine is born without one. So a place that
// is freed too early is seen at once, not only where the limit happens to be reached.

import type { HostName } from '../../../core/ids.ts';
import type { Runner } from '../../../core/runner.ts';
import type { Checker, Scene } from './checker.ts';

export function createPlacesChecker(scene: Scene): Checker {
  return {
    born(host, machine) {
      const runner = scene.truth.runners.get(machine.name);
      if (runner?.counted == null)
        scene.fail(
          'places',
          `a machine is born on ${host}, and the books hold no place for ${machine.name}`,
          [machine.name],
        );
      const alive = [...(scene.grounds.get(host)?.named(machine.name) ?? [])].filter(
        (other) => other.diedAt === null && other.name === machine.name,
      );
      if (alive.length > 1)
        scene.fail('places', `${alive.length} machines of ${machine.name} live on ${host}`, [machine.name]);
    },
    committed(commit) {
      for (const runner of commit.runners) {
        // A spare whose machine goes on under another name has handed its place over.
        if (runner.counted !== null || runner.activatedAs !== null) continue;
        if (livesOn(commit.host, runner))
          scene.fail('places', `the place of ${runner.name} is free, and its machine lives on`, [
            runner.name,
          ]);
      }
    },
  };

  function livesOn(host: HostName, runner: Runner): boolean {
    // What worked before is listed under another's name until it is told its own.
    if (runner.machineSince !== null && runner.machine !== null)
      return scene.grounds.get(host)?.byId(runner.machine)?.diedAt === null;
    const names = runner.activates ? [runner.name, runner.activates.spare] : [runner.name];
    for (const name of names)
      for (const machine of scene.grounds.get(host)?.named(name) ?? [])
        if (machine.diedAt === null && machine.name === name) return true;
    return false;
  }
}
