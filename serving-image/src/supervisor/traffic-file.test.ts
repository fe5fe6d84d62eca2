import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Traffic } from '@modeldeployment/modelpack/traffic';
import { PodInfo } from '../../testing/pod-info.ts';
import { TrafficFile } from './traffic-file.ts';

const TRAFFIC: Traffic = { trial: 't', stable: 1, target: 2, targetVersion: '4', to: 'digits-canary', weight: 5 };

let info: PodInfo;
let file: TrafficFile | undefined;
beforeEach(async () => {
  info = await PodInfo.create();
});
afterEach(async () => {
  file?.stop();
  await info.dispose();
});

/** What is told, and a way to wait for the next. */
function follow(folder: string) {
  const told: (string | undefined)[] = [];
  let wake = (): void => undefined;
  file = new TrafficFile(folder, (text) => {
    told.push(text);
    wake();
  });
  const next = async (count: number) => {
    while (told.length < count) await new Promise<void>((resolve) => (wake = resolve));
    return told.map((text) => (text ? (JSON.parse(text) as Traffic).weight : text));
  };
  file.start();
  return { told, next };
}

describe('the traffic annotation', () => {
  it('is told at once when it is there at the start, and after each change', async () => {
    await info.write(TRAFFIC);
    const { next } = follow(info.folder);
    expect(await next(1)).toEqual([5]);
    await info.write({ ...TRAFFIC, weight: 10 });
    expect(await next(2)).toEqual([5, 10]);
    await info.write(undefined);
    expect(await next(3)).toEqual([5, 10, '']);
  });

  it('is told once however often it is written', async () => {
    const { next } = follow(info.folder);
    await next(1);
    await info.write(TRAFFIC);
    await next(2);
    await info.write(TRAFFIC);
    await info.write({ ...TRAFFIC, weight: 6 });
    expect(await next(3)).toEqual(['', 5, 6]);
  });

  it('is not waited for where there is no volume, and found when one comes', async () => {
    const folder = join(info.folder, 'later');
    const { told, next } = follow(folder);
    expect(told).toEqual([]);
    await mkdir(folder);
    await writeFile(join(folder, 'traffic'), JSON.stringify(TRAFFIC));
    expect(await next(1)).toEqual([5]);
  });

  it('is absent when the volume goes away', async () => {
    const folder = join(info.folder, 'volume');
    await mkdir(folder);
    await writeFile(join(folder, 'traffic'), JSON.stringify(TRAFFIC));
    const { next } = follow(folder);
    await next(1);
    await rm(folder, { recursive: true });
    expect(await next(2)).toEqual([5, undefined]);
  });
});
