import { pino, type DestinationStream, type Logger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** What of an error is worth a log line; an API error's status and reason, never a body or header. */
function describe(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { status, reason } = error as Error & { status?: unknown; reason?: unknown };
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  const expected = status !== undefined;
  return { type: error.name, message: error.message, status, reason, cause, stack: expected ? undefined : error.stack };
}

/**
 * JSON lines on stdout, one constant message each, facts in fields, `err` for errors. Written synchronously: a worker thread
 * would cost 10 MiB, and the last line before an exit is the one that matters.
 */
export function createLogger(
  level: LogLevel,
  destination: DestinationStream = pino.destination({ fd: 1, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describe },
    },
    destination,
  );
}
