import type { TensorSpec } from '@modeldeployment/modelpack';
import type { CheckedModel } from './check.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 1536 → "1.5 KiB" */
export function bytesOf(size: number): string {
  let [value, unit] = [size, 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

const tensorOf = ({ name, dtype, shape }: TensorSpec): string => `${name} ${dtype}[${shape.join(', ')}]`;

/** One line per signature, inputs → outputs, and what there is to say of others. */
export function formatSignatures({ signatures, notes }: Pick<CheckedModel, 'signatures' | 'notes'>): string {
  const lines = Object.entries(signatures).map(
    ([name, { inputs, outputs }]) =>
      `  ${name}: ${inputs.map(tensorOf).join(', ')} → ${outputs.map(tensorOf).join(', ')}`,
  );
  return [...lines, ...notes.map((note) => `  ${note}`)].join('\n');
}

/** Progress of one upload: a bar that moves on a terminal, a line every few seconds elsewhere. */
export class Meter {
  private sent = 0;
  private told = Date.now();

  constructor(
    private readonly name: string,
    private readonly size: number,
    private readonly out: NodeJS.WriteStream = process.stderr,
  ) {}

  add(bytes: number): void {
    this.sent += bytes;
    const now = Date.now();
    if (now - this.told < (this.out.isTTY ? 100 : 5_000)) return;
    this.told = now;
    this.out.write(this.out.isTTY ? `\r${this.line()}` : `${this.line()}\n`);
  }

  done(): void {
    this.sent = this.size;
    this.out.write(`${this.out.isTTY ? '\r' : ''}${this.line()}  pushed\n`);
  }

  private line(): string {
    const part = this.size === 0 ? 1 : this.sent / this.size;
    const filled = Math.round(part * 20);
    const bar = this.out.isTTY ? ` [${'#'.repeat(filled)}${' '.repeat(20 - filled)}]` : '';
    return `${this.name}${bar}  ${bytesOf(this.sent)} of ${bytesOf(this.size)}`;
  }
}
