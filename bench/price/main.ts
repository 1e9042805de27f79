// `make price`: what the system costs on AWS beside its machines, from counts of the shipped pipeline and a list of
// prices. Nothing is asked of AWS.

import { stdout } from 'node:process';
import { countCalls } from '../../src/deployments/aws/testing-calls.ts';
import { countIdleHour } from './idle.ts';
import { jobMinutesTable } from './job-minutes.ts';
import { type CostLine, costOf, sum, times, type Usage } from './prices.ts';
import { minutesPerMonth, standing } from './standing.ts';
import { lambdaMs, usageOf } from './usage.ts';

const hosts = 3;
const burst = 500;
const jobs = 1_000_000;

const lone = await countCalls({ jobs: 1, hosts: 1, limit: 50, jobMs: 60_000, milestones: true });
const many = await countCalls({ jobs: burst, hosts, limit: 50, jobMs: 60_000, milestones: true });
tell(`A million jobs, one at a time (${lone.total} requests to AWS each)`, times(usageOf(lone), jobs));
tell(
  `A million jobs, ${burst} at a time (${(many.total / burst).toFixed(1)} requests to AWS each)`,
  times(usageOf(many), jobs / burst),
);
stdout.write(
  `Lambda milliseconds per job: ${Math.round(lambdaMs(lone))} alone, ${Math.round(lambdaMs(many) / burst)} in the burst\n\n`,
);

const idle = await countIdleHour(hosts);
const ticking = times(usageOf(idle), minutesPerMonth / 60);
const { usage, alarms, series } = standing(hosts);
tell(
  `A month without a job, ${hosts} hosts: ${alarms} alarms, ${series} series of metrics`,
  sum(ticking, usage),
);

stdout.write(`What a machine costs while it has a job, beside the above\n\n${jobMinutesTable()}\n\n`);

function tell(title: string, usage: Usage): void {
  const { lines, usd } = costOf(usage);
  stdout.write(`${title}: US$ ${usd.toFixed(2)}\n\n| what | quantity | US$ |\n|---|---|---|\n`);
  for (const line of lines)
    stdout.write(
      `| ${line.item}${line.recalled ? ' *' : ''} | ${quantity(line)} | ${line.usd.toFixed(2)} |\n`,
    );
  stdout.write('\n* a price that was recalled, not looked up\n\n');
}

function quantity({ quantity: many }: CostLine): string {
  return many < 1_000 ? many.toFixed(1) : Math.round(many).toLocaleString('en');
}
