// How a workflow is described to the simulated GitHub: what a `.github/workflows/*.yml` would say, as data.

import { z } from 'zod';

/** GitHub refuses a matrix of more jobs: "Actions limits". */
const matrixJobsMax = 256;
/** Far above real workflows; bounds what a control request may ask for. */
const jobsPerWorkflowMax = 512;
const stepsPerJobMax = 100;
const labelsPerJobMax = 100;

const step = z.strictObject({
  name: z.string().min(1).max(256),
  /** Run by `sh -e` in the stand-in runner. */
  run: z.string().max(65_536),
  continueOnError: z.boolean().optional(),
  env: z.record(z.string(), z.string()).optional(),
});

const job = z.strictObject({
  name: z.string().min(1).max(200),
  /** `runs-on`. */
  labels: z.array(z.string().min(1).max(256)).min(1).max(labelsPerJobMax).readonly(),
  /** Names of jobs that must succeed first. */
  needs: z.array(z.string()).readonly().optional(),
  /** Its `if:` is false. */
  skip: z.boolean().optional(),
  /** Its environment wants an approval before it is queued. */
  approval: z.boolean().optional(),
  /** So many jobs, `name (1)` to `name (n)`. */
  matrix: z.int().min(1).max(matrixJobsMax).optional(),
  maxParallel: z.int().min(1).max(matrixJobsMax).optional(),
  /** As in GitHub, true unless it says otherwise: one failed job cancels the rest of the matrix. */
  failFast: z.boolean().optional(),
  steps: z.array(step).max(stepsPerJobMax).readonly().optional(),
  /** For runners that only pretend: how long the job takes. */
  durationMs: z.int().min(0).optional(),
  /** For runners that only pretend: how the job ends. */
  outcome: z.enum(['success', 'failure']).optional(),
});

export const workflowDescription = z.strictObject({
  name: z.string().min(1).max(200),
  branch: z.string().min(1).max(255).optional(),
  jobs: z.array(job).min(1).max(jobsPerWorkflowMax).readonly(),
});

export type StepDescription = z.infer<typeof step>;
export type JobDescription = z.infer<typeof job>;
export type WorkflowDescription = z.infer<typeof workflowDescription>;

/** What GitHub's editor would refuse; null where the workflow makes sense. */
export function workflowFault(workflow: WorkflowDescription): string | null {
  const names = new Set<string>();
  for (const { name, needs = [], matrix = 1 } of workflow.jobs) {
    if (names.has(name)) return `two jobs are named "${name}": give each its own name`;
    // Only what stands above it can be needed, which also rules out circles.
    const missing = needs.find((need) => !names.has(need));
    if (missing !== undefined) return `job "${name}" needs "${missing}", which no job above it is named`;
    if (matrix > matrixJobsMax)
      return `the matrix of job "${name}" has ${matrix} jobs: ${matrixJobsMax} are allowed`;
    names.add(name);
  }
  return null;
}
