/**
 * Calls `make` one at a time, however many ask. Those that ask while it runs share the next call, which begins after all of them
 * have asked: nobody gets what is older than the question.
 */
export function coalesced<T>(make: () => Promise<T>): () => Promise<T> {
  let running: Promise<void> | undefined;
  let next: Promise<T> | undefined;
  const ended = () => {
    if (!next) running = undefined;
  };
  const run = (): Promise<T> => {
    next = undefined;
    const made = make();
    running = made.then(ended, ended);
    return made;
  };
  return () => (running ? (next ??= running.then(run)) : run());
}
