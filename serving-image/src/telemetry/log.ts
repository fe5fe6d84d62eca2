import pino, { type Logger } from 'pino';

export type { Logger };

/** JSON lines on stdout. Never given a tensor, a request body or a header. */
export function createLog(level: string, fields: Record<string, string | number>): Logger {
  return pino({
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
