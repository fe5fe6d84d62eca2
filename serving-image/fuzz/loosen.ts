/**
 * jazzer.js' prebuilt library wants a newer C library than Debian 12 has, for three functions. Here its needs are marked as weak,
 * which the loader passes over, and the functions are brought by a library of our own that is preloaded.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const NEWER = ['GLIBC_2.38', 'GLIBCXX_3.4.32'];
const FUNCTIONS = `
#include <stdlib.h>
long __isoc23_strtol(const char *text, char **end, int base) { return strtol(text, end, base); }
unsigned long __isoc23_strtoul(const char *text, char **end, int base) { return strtoul(text, end, base); }
void _ZSt21ios_base_library_initv(void) {}
`;
const VERNEED = 0x6ffffffe;
const WEAK = 2;

/** @returns the library to preload; undefined where jazzer.js loads as it is */
export function loosen(folder: string): string | undefined {
  const packageFolder = join(dirname(createRequire(import.meta.url).resolve('@jazzer.js/fuzzer')), '..');
  const addon = join(packageFolder, `prebuilds/fuzzer-${process.platform}-${process.arch}.node`);
  try {
    // All functions are looked for at once: one that has been loosened before would load, and fail later.
    const env = { ...process.env, LD_BIND_NOW: '1' };
    execFileSync(process.execPath, ['-e', `require(${JSON.stringify(addon)})`], { stdio: 'ignore', env });
    return undefined;
  } catch {
    const library = join(folder, 'newer.so');
    execFileSync('gcc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', library], { input: FUNCTIONS });
    // Renamed into place: another process may have the old one loaded.
    writeFileSync(`${addon}.new`, weakened(readFileSync(addon)));
    renameSync(`${addon}.new`, addon);
    return library;
  }
}

/** The 64-bit ELF file with those of its version needs weak that are in NEWER. */
function weakened(file: Buffer): Buffer {
  const bytes = Buffer.from(file);
  const [table, size, count] = [
    Number(bytes.readBigUInt64LE(0x28)),
    bytes.readUInt16LE(0x3a),
    bytes.readUInt16LE(0x3c),
  ];
  const section = (index: number) => {
    const at = table + index * size;
    return {
      type: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 0x18)),
      link: bytes.readUInt32LE(at + 0x28),
    };
  };
  const needs = Array.from({ length: count }, (_, i) => section(i)).find(({ type }) => type === VERNEED);
  if (!needs) return bytes;
  const names = section(needs.link).offset;
  const next = (at: number, field: number): number | undefined => {
    const step = bytes.readUInt32LE(at + field);
    return step === 0 ? undefined : at + step;
  };
  for (let need: number | undefined = needs.offset; need !== undefined; need = next(need, 12)) {
    for (let one = next(need, 8); one !== undefined; one = next(one, 12)) {
      const start = names + bytes.readUInt32LE(one + 8);
      const name = bytes.toString('latin1', start, bytes.indexOf(0, start));
      if (NEWER.includes(name)) bytes.writeUInt16LE(bytes.readUInt16LE(one + 4) | WEAK, one + 4);
    }
  }
  return bytes;
}
