// What a command says: lines. On a terminal the last one may move on; everywhere else a line once said stays.

export interface Output {
  say(line: string): void;
  /** How far it is. On a terminal it replaces the one before; elsewhere it is said only where `isStep`. */
  progress(line: string, isStep: boolean): void;
}

export interface Screen {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

const widthOfUnknown = 80;

export function createOutput(screen: Screen, isLive: boolean): Output {
  let isMoving = false;

  function say(line: string): void {
    screen.write(isMoving ? `\r\u001b[K${line}\n` : `${line}\n`);
    isMoving = false;
  }

  return {
    say,
    progress(line, isStep) {
      if (!isLive) {
        if (isStep) say(line);
        return;
      }
      // A line that wraps could not be taken back.
      screen.write(`\r\u001b[K${line.slice(0, (screen.columns ?? widthOfUnknown) - 1)}`);
      isMoving = true;
    },
  };
}
