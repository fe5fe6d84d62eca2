import { existsSync, writeFileSync } from 'node:fs';
import { PATH, type FailureReport } from '@modeldeployment/modelpack/contract';
import type { Logger } from '../telemetry/log.ts';

/** Leaves the reason where the kubelet reads it, and in the log. */
export function fail(report: FailureReport, path: string, log: Logger): void {
  log.fatal({ reason: report.reason }, report.message);
  // Outside a container there is no such file, and nobody to read it.
  if (path === PATH.terminationLog && !existsSync(path)) return;
  const message = report.message.length > 3000 ? `${report.message.slice(0, 3000)}…` : report.message;
  try {
    writeFileSync(path, `${JSON.stringify({ reason: report.reason, message })}\n`);
  } catch (error) {
    log.error({ err: error }, 'cannot write the termination message');
  }
}
