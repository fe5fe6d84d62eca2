/** What the choice of an engine may cost of the time that a model has to load. Pure, but for the clock that it is given. */

/** Of the time a model may take to load, what the first engine may take of it to answer once. It is the one then, whatever others can. */
const FIRST_PART = 1 / 3;
/** And all of them together: what is left is enough to load the model on the one that is chosen. */
const WHOLE_PART = 1 / 2;
/** Once one can run the model, the choice may take so many times as long as that one needed to load it and answer once. */
const SHARE = 3;
/** Or so long, in milliseconds on a whole core; longer where the container has a part of one. */
const LEAST_MS = 5_000;

export class ChoiceBudget {
  readonly #began: number;
  #answeredMs: number | undefined;

  constructor(
    private readonly loadMs: number,
    /** What the container may use of one core. */
    private readonly quota: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#began = now();
  }

  /** No engine is known yet that can run the model: the next is given time until it has answered once. */
  get isFirst(): boolean {
    return this.#answeredMs === undefined;
  }

  /** For the next engine, in milliseconds; none where it is not positive. */
  leftMs(): number {
    const passed = this.now() - this.#began;
    const whole = this.loadMs * WHOLE_PART - passed;
    if (this.#answeredMs === undefined) return Math.min(this.loadMs * FIRST_PART, whole);
    return Math.min(Math.max(LEAST_MS / this.quota, SHARE * this.#answeredMs) - passed, whole);
  }

  /** There is an engine to take from here on, which needed so long to load the model and answer once. */
  found(answeredMs: number): void {
    this.#answeredMs ??= answeredMs;
  }
}
