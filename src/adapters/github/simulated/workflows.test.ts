import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workflowDescription, workflowFault } from './workflow.ts';
import { demoWorkflows } from './workflows.ts';

test('the demo workflows are what the control route takes, under names of their own', () => {
  const workflows = demoWorkflows();
  for (const workflow of workflows) {
    assert.deepEqual(workflowDescription.parse(workflow), workflow);
    assert.equal(workflowFault(workflow), null);
  }
  assert.equal(new Set(workflows.map((workflow) => workflow.name)).size, workflows.length);
});

test('the demo workflows ask for the labels that they are given', () => {
  const labels = { small: ['a'], build: ['b'], special: ['a', 'c'] };
  const asked = demoWorkflows(labels).flatMap((workflow) => workflow.jobs.flatMap((job) => job.labels));
  assert.deepEqual([...new Set(asked)].sort(), ['a', 'b', 'c', 'nobody-has-this']);
});
