const EVERY_MS = 5_000;

/** One line of JSON for whoever collects logs. These commands load no logging library: they are to stay small. */
export function log(fields: object): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

/** Tells the progress of a transfer every few seconds while it runs. */
export async function withProgress<T>(
  msg: string,
  total: number | undefined,
  run: (add: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  let bytes = 0;
  const timer = setInterval(() => log({ msg, bytes, total }), EVERY_MS);
  try {
    return await run((more) => {
      bytes += more;
    });
  } finally {
    clearInterval(timer);
  }
}
