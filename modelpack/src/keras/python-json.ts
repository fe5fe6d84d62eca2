/** JSON as Python writes it: with NaN and Infinity, which the standard has no words for. Throws SyntaxError. */
export function parsePythonJson(text: string): unknown {
  const plain = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(plain);
  } catch {
    const STRING_OR_WORD = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;
    const words: Readonly<Record<string, string>> = { NaN: 'null', Infinity: '1e999', '-Infinity': '-1e999' };
    return JSON.parse(plain.replace(STRING_OR_WORD, (found) => words[found] ?? found));
  }
}
