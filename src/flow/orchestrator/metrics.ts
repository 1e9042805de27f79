/** What the Orchestrator counts. */
export const metrics = {
  launches: 'orchestrator_launches_total',
  launchMs: 'orchestrator_launch_ms',
  waitMs: 'orchestrator_order_wait_ms',
  endings: 'orchestrator_endings_total',
} as const;
