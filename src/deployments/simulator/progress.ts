// How far a campaign is: a bar on a terminal, now and then a line elsewhere.

export interface Progress {
  advance(failed: number): void;
  /** A line above the bar. */
  say(line: string): void;
  end(): void;
}

const barWidth = 30;
const barEveryMs = 100;
const lineEveryMs = 10_000;

export function createProgress(total: number, out: NodeJS.WriteStream): Progress {
  const startedAt = performance.now();
  const everyMs = out.isTTY ? barEveryMs : lineEveryMs;
  let done = 0;
  let failedNow = 0;
  let drawnAt = out.isTTY ? 0 : startedAt;

  const clear = (): void => {
    if (out.isTTY) out.write('\r\x1b[K');
  };

  function draw(): void {
    drawnAt = performance.now();
    const perSecond = done / Math.max(0.001, (drawnAt - startedAt) / 1_000);
    const leftS = Math.round((total - done) / Math.max(0.001, perSecond));
    const state = `${done}/${total} seeds, ${failedNow} failed, ${perSecond.toFixed(1)}/s, ${leftS} s left`;
    if (!out.isTTY) {
      out.write(`${state}\n`);
      return;
    }
    const full = Math.round((done / total) * barWidth);
    const text = `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] ${state}`;
    clear();
    out.write(text.slice(0, Math.max(20, out.columns - 1)));
  }

  return {
    advance(failed) {
      done += 1;
      failedNow = failed;
      if (performance.now() - drawnAt >= everyMs) draw();
    },
    say(line) {
      clear();
      out.write(`${line}\n`);
    },
    end() {
      if (!out.isTTY) return;
      draw();
      out.write('\n');
    },
  };
}
