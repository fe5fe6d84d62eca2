/** The configuration of a layer. What nobody has read may change what the layer means: such a layer is refused. */

/** Only training, the name or the making of the layer need these. */
const WITHOUT_MEANING =
  /^(name|trainable|dtype|batch_input_shape|batch_shape|batch_size|input_shape|input_dtype|seed|activity_regularizer|build_config|compile_config|registered_name|module|quantization_config|lora_rank|lora_alpha|ragged|sparse|optional|.*_(initializer|regularizer|constraint))$/;

export class Unreadable extends Error {}

export class Config {
  readonly #read = new Set<string>();

  constructor(private readonly values: Readonly<Record<string, unknown>>) {}

  raw(key: string): unknown {
    this.#read.add(key);
    return this.values[key];
  }

  /** It changes nothing here. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#read.add(key);
  }

  has(key: string): boolean {
    return this.values[key] !== undefined && this.values[key] !== null;
  }

  #of<T>(key: string, absent: T | undefined, is: (value: unknown) => value is T, kind: string): T {
    const value = this.raw(key) ?? absent;
    if (is(value)) return value;
    throw new Unreadable(
      `has ${key} = ${JSON.stringify(value) ?? 'nothing'} in its configuration, where ${kind} is expected`,
    );
  }

  number(key: string, absent?: number): number {
    return this.#of(key, absent, (value): value is number => typeof value === 'number', 'a number');
  }

  flag(key: string, absent?: boolean): boolean {
    return this.#of(key, absent, (value): value is boolean => typeof value === 'boolean', 'true or false');
  }

  text(key: string, absent?: string): string {
    return this.#of(key, absent, (value): value is string => typeof value === 'string', 'a text');
  }

  numbers(key: string, absent?: readonly number[]): readonly number[] {
    const are = (value: unknown): value is readonly number[] =>
      Array.isArray(value) && value.every((one) => typeof one === 'number');
    return this.#of(key, absent, are, 'a list of numbers');
  }

  /** One number for all dimensions, or a list of so many. */
  each(key: string, count: number, absent?: number | readonly number[]): readonly number[] {
    const value = this.raw(key) ?? absent;
    if (typeof value === 'number') return Array<number>(count).fill(value);
    const list: unknown = value;
    if (Array.isArray(list) && list.length === count && list.every((one) => typeof one === 'number')) return list;
    throw new Unreadable(
      `has ${key} = ${JSON.stringify(value)} in its configuration, where ${count} numbers are expected`,
    );
  }

  /** The rest may not matter; these say so only when they are as usual. */
  expect(key: string, usual: unknown, otherwise: string): void {
    const value = this.raw(key);
    if (value !== undefined && value !== null && value !== usual) throw new Unreadable(otherwise);
  }

  unread(): string[] {
    return Object.keys(this.values).filter(
      (key) => !this.#read.has(key) && !WITHOUT_MEANING.test(key) && this.has(key),
    );
  }
}
