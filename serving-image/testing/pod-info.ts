/** A downward-API volume, written as the kubelet does: new files in a folder of their own, then one rename. Test code only. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { POD_INFO, type Traffic } from '@modeldeployment/modelpack/traffic';

export class PodInfo {
  #turn = 0;

  private constructor(readonly folder: string) {}

  /** With the annotation absent, which makes an empty file. */
  static async create(): Promise<PodInfo> {
    const info = new PodInfo(await mkdtemp(join(tmpdir(), 'podinfo-')));
    await info.write(undefined);
    await symlink(join('..data', POD_INFO.traffic), join(info.folder, POD_INFO.traffic));
    return info;
  }

  async write(traffic: Traffic | undefined): Promise<void> {
    const old = `..${this.#turn}`;
    const next = `..${++this.#turn}`;
    await mkdir(join(this.folder, next));
    const text = traffic === undefined ? '' : JSON.stringify(traffic);
    await writeFile(join(this.folder, next, POD_INFO.traffic), text);
    await symlink(next, join(this.folder, '..data_tmp'));
    await rename(join(this.folder, '..data_tmp'), join(this.folder, '..data'));
    await rm(join(this.folder, old), { recursive: true, force: true });
  }

  async dispose(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
