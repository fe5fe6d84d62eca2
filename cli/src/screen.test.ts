import type { WriteStream } from 'node:tty';
import { describe, expect, it } from '@jest/globals';
import { Screen } from './screen.ts';

function fake(rows: number): { out: WriteStream; text: () => string } {
  let text = '';
  const out = { rows, write: (more: string) => ((text += more), true) } as unknown as WriteStream;
  return { out, text: () => text };
}
const count = (text: string, part: string): number => text.split(part).length - 1;

describe('the screen', () => {
  it('is entered once, and left once, with the cursor back', () => {
    const { out, text } = fake(10);
    const screen = new Screen(out);
    screen.draw(['one']);
    screen.draw(['two']);
    screen.close();
    screen.close();
    expect(count(text(), '\u001b[?1049h')).toBe(1);
    expect(text().endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
    expect(count(text(), '\u001b[?1049l')).toBe(1);
  });

  it('is never entered again once it was left', () => {
    const { out, text } = fake(10);
    const screen = new Screen(out);
    screen.draw(['one']);
    screen.close();
    screen.draw(['late']);
    expect(text()).not.toContain('late');
  });

  it('is not left if it was never entered', () => {
    const { out, text } = fake(10);
    new Screen(out).close();
    expect(text()).toBe('');
  });

  it('shows what fits, and says how much more there is', () => {
    const { out, text } = fake(3);
    const screen = new Screen(out);
    screen.draw(['1', '2', '3', '4', '5']);
    screen.close();
    expect(text()).toContain('… 3 more lines');
    expect(text()).not.toContain('3\u001b[K');
  });
});
