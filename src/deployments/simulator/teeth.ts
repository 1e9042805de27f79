// `make simulate-teeth`: proves that the checkers bite. Each mutation of the shipped code has to be caught, and the code
// as it is has to be clean over the same seeds. Prints the table; exit code 1 if a mutation survives,
// or is caught by another than who should.
//
// `ONLY=H4` or `ONLY=breaker` takes those mutations whose hole or name has it; `WORKERS=1` leaves a core to others.

import { availableParallelism } from 'node:os';
import { type Baseline, type Bite, biteAll, checkBaselines } from './mutations/bite.ts';
import { mutations as all } from './mutations/list.ts';

const only = process.env['ONLY'] ?? '';
const workers = Number(process.env['WORKERS'] ?? '') || availableParallelism();
const mutations = all.filter(({ name, hole }) => hole === only || name.includes(only));

print(`${mutations.length} mutations; first the code as it is, over the same seeds`);
const baselines = await checkBaselines(mutations, workers, ({ faults, seeds, caught, seconds }: Baseline) =>
  print(
    `  ${faults}: ${seeds} seeds, ${caught ? `seed ${caught.seed}, ${caught.by}: ${caught.text}` : 'clean'}, ${Math.round(seconds)} s`,
  ),
);
const bites = await biteAll(mutations, workers, (bite) => print(`  ${sentenceOf(bite)}`));

print('', ...tableOf(bites));
const problems = [
  ...baselines.flatMap(({ faults, caught }) =>
    caught
      ? [`${faults}: not clean without any mutation, seed ${caught.seed}, ${caught.by}: ${caught.text}`]
      : [],
  ),
  ...bites.flatMap(({ mutation, caught }) => {
    if (mutation.equivalent)
      return caught ? [`${mutation.name}: is said to be covered by another rule, and was caught`] : [];
    if (!caught) return [`${mutation.name}: survived ${mutation.seedsMax} seeds, so no checker sees it`];
    return mutation.expects.includes(caught.by)
      ? []
      : [`${mutation.name}: caught by ${caught.by}, unexpectedly`];
  }),
];
if (problems.length > 0) print('', ...problems);
process.exitCode = problems.length > 0 ? 1 : 0;

function sentenceOf({ mutation, caught, seconds }: Bite): string {
  const how = caught ? `seed ${caught.seed}, ${caught.by}: ${caught.text}` : 'SURVIVED';
  return `${mutation.name}: ${how} (${Math.round(seconds)} s)`;
}

function tableOf(rows: readonly Bite[]): string[] {
  return [
    '| left out, or turned round | hole | faults | caught by | at seed | seconds |',
    '|---|---|---|---|---|---|',
    ...rows.map(({ mutation, caught, seconds }) => {
      const by = caught?.by ?? (mutation.equivalent ? 'none: another rule covers it' : 'none: it survived');
      const seed = caught?.seed ?? `${mutation.seedsMax} clean`;
      return `| ${mutation.name} | ${mutation.hole ?? ''} | ${mutation.faults} | ${by} | ${seed} | ${seconds.toFixed(1)} |`;
    }),
  ];
}

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
