// Where machines ship their logs to, and where they are looked for.

export function shippedLogGroup(stackName: string, host: string): string {
  return `/${stackName}/runners/${host}`;
}

/** `console`: what the machine prints; `diag`: the diagnostics of GitHub's runner. */
export function shippedLogStream(runner: string, part: 'console' | 'diag'): string {
  return `${runner}/${part}`;
}
