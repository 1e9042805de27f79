// Plays scenarios for a person to read: one with its timeline, or all with a line each.

import { AssertionError } from 'node:assert/strict';
import type { Stage } from '../stage.ts';
import { lineOf } from '../timeline.ts';
import { scenarios } from './index.ts';
import { playScenario } from './play.ts';
import type { Scenario } from './scenario.ts';

export const scenarioNames: readonly string[] = scenarios.map(({ name }) => name);

export function isScenarioName(text: string): boolean {
  return text === 'all' || scenarioNames.includes(text);
}

/** The exit code: 1 where one does not go as it should. */
export async function tellScenarios(chosen: string, print: (...lines: string[]) => void): Promise<number> {
  const played = scenarios.filter(({ name }) => chosen === 'all' || name === chosen);
  let failures = 0;
  for (const scenario of played) if (!(await tell(scenario, chosen !== 'all', print))) failures += 1;
  return failures > 0 ? 1 : 0;
}

async function tell(
  scenario: Scenario,
  isTimelineWanted: boolean,
  print: (...lines: string[]) => void,
): Promise<boolean> {
  const stages: Stage[] = [];
  let problem: string | null = null;
  try {
    await playScenario(scenario, (stage) => stages.push(stage));
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    problem = error.message;
  }
  if (isTimelineWanted) for (const { log } of stages) print(...log.events().map(lineOf), '');
  print(`${problem === null ? 'holds' : 'FAILS'}  ${scenario.name.padEnd(nameWidth)} ${scenario.shows}`);
  if (problem !== null) print(`       ${problem}`);
  return problem === null;
}

const nameWidth = Math.max(...scenarioNames.map((name) => name.length));
