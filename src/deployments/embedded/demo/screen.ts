// The terminal while the demo is shown: an alternate screen, drawn over without being cleared, so that nothing
// flickers; left as it was found.

import type { WriteStream } from 'node:tty';

export interface Screen {
  draw(lines: readonly string[]): void;
  /** Gives the terminal back. May be called again. */
  leave(): void;
}

const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';
/** Terminals that know it show a frame at once; others ignore it. */
const beginFrame = '\u001b[?2026h\u001b[H';
const endFrame = '\u001b[J\u001b[?2026l';
const clearToEndOfLine = '\u001b[K';

export function openScreen(output: WriteStream): Screen {
  let isOpen = true;
  let last = '';
  output.write(enter);
  return {
    draw(lines) {
      const frame = lines.map((line) => `${line}${clearToEndOfLine}`).join('\r\n');
      if (!isOpen || frame === last) return;
      last = frame;
      output.write(`${beginFrame}${frame}${endFrame}`);
    },
    leave() {
      if (isOpen) output.write(leave);
      isOpen = false;
    },
  };
}
