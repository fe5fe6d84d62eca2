import type { WriteStream } from 'node:tty';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';

/**
 * A picture that is drawn over and over, on the terminal's second screen: what was there before comes back at the end,
 * however it ends, and whatever the size of the terminal became meanwhile.
 */
export class Screen {
  private state: 'new' | 'open' | 'closed' = 'new';

  constructor(private readonly out: WriteStream) {}

  draw(lines: readonly string[]): void {
    if (this.state === 'closed') return;
    if (this.state === 'new') {
      this.state = 'open';
      process.once('exit', this.close);
      this.out.write(ENTER);
    }
    const room = Math.max(2, this.out.rows);
    const shown =
      lines.length <= room ? lines : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines`];
    this.out.write(HOME + shown.map((line) => line + REST_OF_LINE).join('\r\n') + REST_OF_SCREEN);
  }

  readonly close = (): void => {
    const { state } = this;
    this.state = 'closed';
    if (state !== 'open') return;
    process.off('exit', this.close);
    this.out.write(LEAVE);
  };
}
