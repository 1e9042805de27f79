import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOutput } from './output.ts';
import { createProgress } from './progress.ts';

function event(done: number, status: string, what = 'Steps/Queue (StepsQueue1)'): string {
  return `github-runners-pipeline | ${String(done).padStart(2)}/40 | 11:56:46 PM | ${status.padEnd(23)} | AWS::SQS::Queue            | ${what}`;
}

function shownOf(lines: readonly string[], isLive: boolean): string {
  let text = '';
  const screen = { write: (more: string) => (text += more), columns: 60 };
  const progress = createProgress(createOutput(screen, isLive));
  for (const line of lines) progress(line);
  return text;
}

const whole = Array.from({ length: 41 }, (_, done) => event(done, 'CREATE_COMPLETE'));

test('where nobody watches, a stack of forty resources is five lines', () => {
  const lines = shownOf(whole, false).trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => /(\d+) of 40/.exec(line)?.[1]),
    ['0', '10', '20', '30', '40'],
  );
  assert.ok(lines.every((line) => !line.includes('\u001b')));
});

test('on a terminal one line moves on, and never wraps', () => {
  const text = shownOf(whole, true);
  assert.equal(text.includes('\n'), false);
  for (const line of text.split('\r\u001b[K')) assert.ok(line.length < 60, line);
});

test('every failure is said with its reason, on a terminal too, and other chatter is not', () => {
  for (const isLive of [false, true]) {
    const text = shownOf(
      [
        'github-runners-pipeline: creating CloudFormation changeset...',
        event(3, 'CREATE_IN_PROGRESS'),
        event(3, 'CREATE_FAILED', 'Steps/Queue (StepsQueue1) Access to the resource is denied.'),
        ' ❌  github-runners-pipeline failed: ToolkitError: the stack could not be made',
      ],
      isLive,
    );
    assert.match(
      text,
      /CREATE_FAILED AWS::SQS::Queue Steps\/Queue \(StepsQueue1\) Access to the resource is denied\.\n/,
    );
    assert.match(text, /❌ {2}github-runners-pipeline failed: ToolkitError/);
    assert.doesNotMatch(text, /changeset/);
  }
});
