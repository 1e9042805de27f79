/** What a shell, or a CI, is told by a command. */
export const exitStatus = {
  done: 0,
  /** Something was begun and did not end well. */
  failed: 1,
  /** Nothing was begun: something is missing, or would do harm. Commander's own for a wrong call, too. */
  refused: 2,
  interrupted: 130,
} as const;

export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus];
