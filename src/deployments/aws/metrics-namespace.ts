/** Where CloudWatch keeps what the functions of a deployment tell: two deployments in one account stay apart. */
export function metricsNamespace(stackName: string): string {
  return `GitHubRunners/${stackName}`;
}
