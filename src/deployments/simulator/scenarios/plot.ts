// What goes wrong in a scenario: rules that are laid down as the story goes, each asked at its place until it is used
// up. Where no rule says anything, all goes well.

import { createSeededRandom } from '../../../adapters/clock/virtual/random.ts';
import type { AnswerFault, Route } from '../../../adapters/github/simulated/api.ts';
import type { DeliveryFault, OutgoingDelivery } from '../../../adapters/github/simulated/deliveries.ts';
import type {
  LaunchFault,
  LifeFault,
  MachineView,
  SimulatedFaults,
} from '../../../adapters/hosts/simulated/index.ts';
import type { LaunchRequest } from '../../../ports/host.ts';
import type { OutgoingMessage } from '../../../ports/queue.ts';
import type { FaultKind, Mischief } from '../faults.ts';
import type { StageFaults } from '../stage.ts';
import type { Hurt } from '../stations.ts';

export interface Plot {
  faults: StageFaults;
  mischief: Mischief;
  /** Requests to GitHub so far, by route. */
  calls: ReadonlyMap<Route, number>;
  /** Calls that a host was asked for so far, by its name: launches and activations. */
  launchCalls: ReadonlyMap<string, number>;
  onDelivery(rule: (delivery: OutgoingDelivery) => DeliveryFault | null): void;
  onAnswer(rule: (route: Route) => AnswerFault | null): void;
  onLaunch(host: string, rule: (request: LaunchRequest) => LaunchFault | null): void;
  onBirth(rule: (machine: MachineView) => LifeFault | null): void;
  onHostEvent(rule: NonNullable<SimulatedFaults['event']>): void;
  onHostList(rule: NonNullable<SimulatedFaults['list']>): void;
  onMessage(
    queue: string,
    rule: (message: OutgoingMessage<unknown>) => readonly { delayMs: number }[] | null,
  ): void;
  /** Asked at each step of each handler, such as `table.commit` of `publisher`: it may do something of its own. */
  onStep(rule: (station: string, step: string) => Hurt | null): void;
  /** The next so many occasions of this kind. */
  next(kind: FaultKind, times?: number): void;
}

/** The rule's word for its first `times` occasions that it has a word for; then it is silent. */
export function times<Args extends unknown[], Word>(
  most: number,
  rule: (...args: Args) => Word | null,
): (...args: Args) => Word | null {
  let used = 0;
  return (...args) => {
    if (used >= most) return null;
    const word = rule(...args);
    if (word !== null) used += 1;
    return word;
  };
}

export function createPlot(): Plot {
  const deliveries = createRules<[OutgoingDelivery], DeliveryFault>();
  const answers = createRules<[Route], AnswerFault>();
  const launches = createRules<[string, LaunchRequest], LaunchFault>();
  const births = createRules<[MachineView], LifeFault>();
  const events = createRules<[MachineView], NonNullable<ReturnType<NonNullable<SimulatedFaults['event']>>>>();
  const lists = createRules<[], NonNullable<ReturnType<NonNullable<SimulatedFaults['list']>>>>();
  const messages = createRules<[string, OutgoingMessage<unknown>], readonly { delayMs: number }[]>();
  const steps = createRules<[string, string], Hurt>();
  const calls = new Map<Route, number>();
  const launchCalls = new Map<string, number>();
  const planned = new Map<FaultKind, number>();
  const injected = new Map<FaultKind, number>();
  const random = createSeededRandom('plot');

  return {
    calls,
    launchCalls,
    onDelivery: deliveries.add,
    onAnswer: answers.add,
    onLaunch: (host, rule) => launches.add((name, request) => (name === host ? rule(request) : null)),
    onBirth: births.add,
    onHostEvent: (rule) => events.add((machine) => rule(machine) ?? null),
    onHostList: (rule) => lists.add(() => rule() ?? null),
    onMessage: (queue, rule) => messages.add((name, message) => (name === queue ? rule(message) : null)),
    onStep: steps.add,
    next(kind, count = 1) {
      planned.set(kind, (planned.get(kind) ?? 0) + count);
    },
    mischief: {
      happens(kind) {
        const left = planned.get(kind) ?? 0;
        if (left === 0) return false;
        planned.set(kind, left - 1);
        injected.set(kind, (injected.get(kind) ?? 0) + 1);
        return true;
      },
      random: (kind) => random.fork(kind),
      rate: () => 0,
      stop: () => planned.clear(),
      injected: () => injected,
    },
    faults: {
      gitHub: {
        delivery: (delivery) => deliveries.ask(delivery),
        answer(route) {
          calls.set(route, (calls.get(route) ?? 0) + 1);
          return answers.ask(route);
        },
      },
      host: (name) => ({
        launch(request) {
          launchCalls.set(name, (launchCalls.get(name) ?? 0) + 1);
          return launches.ask(name, request) ?? undefined;
        },
        life: (machine) => births.ask(machine) ?? undefined,
        event: (machine) => events.ask(machine) ?? undefined,
        list: () => lists.ask() ?? undefined,
      }),
      queue: (name) => ({ onPublish: (message) => messages.ask(name, message) ?? [{ delayMs: 0 }] }),
      hurt: (station, step) => steps.ask(station, step),
    },
  };
}

function createRules<Args extends unknown[], Word>() {
  const rules: ((...args: Args) => Word | null)[] = [];
  return {
    add(rule: (...args: Args) => Word | null): void {
      rules.push(rule);
    },
    ask(...args: Args): Word | null {
      for (const rule of rules) {
        const word = rule(...args);
        if (word !== null) return word;
      }
      return null;
    },
  };
}
