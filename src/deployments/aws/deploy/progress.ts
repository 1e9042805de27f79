// The CDK's events, one for each resource and change of it, become few lines: where each stack begins, each quarter,
// its end, and every failure with its reason.

import type { Output } from './output.ts';

/** `github-runners-pipeline | 12/87 | 11:56:46 PM | CREATE_COMPLETE | AWS::SQS::Queue | Steps/Queue (StepsQueue1) reason` */
const event =
  /^(?<stack>\S+)\s+\|\s*(?<done>\d+)\/(?<all>\d+)\s+\|[^|]*\|\s*(?<status>\w+)\s+\|\s*(?<type>\S+)\s+\|\s*(?<what>.*)$/;

const steps = 4;

/** One that failed has the reason, and is more than an event. */
export function isEvent(line: string): boolean {
  const status = event.exec(line)?.groups?.['status'];
  return status !== undefined && !status.endsWith('_FAILED');
}

export function createProgress({ say, progress }: Output): (line: string) => void {
  const said = new Map<string, number>();

  return (line) => {
    const found = event.exec(line)?.groups;
    if (!found) {
      if (/^\s*(?:❌|✅)|\bfailed\b/i.test(line)) say(`  ${line.trim()}`);
      return;
    }
    const { stack = '', status = '', type = '', what = '' } = found;
    const [done, all] = [Number(found['done']), Number(found['all'])];
    if (status.endsWith('_FAILED')) {
      say(`  ${stack}: ${status} ${type} ${what}`);
      return;
    }
    const step = all === 0 ? 0 : Math.floor((Math.min(done, all) / all) * steps);
    const isStep = step > (said.get(stack) ?? -1);
    if (isStep) said.set(stack, step);
    progress(`  ${stack}: ${Math.min(done, all)} of ${all}, ${verbOf(status)} ${type}`, isStep);
  };
}

function verbOf(status: string): string {
  return status.toLowerCase().replaceAll('_', ' ');
}
