/**
 * The bytes of one JSON text. Behind `end` lie MARGIN zero bytes: a zero ends every token and every blank, so that no
 * loop over the bytes has to ask whether it is still inside. Before the text lie as many bytes of any value, so that the reader in
 * native/numbers.cc can look at a number from its end.
 */
export interface JsonText {
  bytes: Buffer;
  /** The same bytes, for reading four at once. */
  words: DataView;
  /** Offset behind the last byte of the text. */
  end: number;
}

const MARGIN = 64;

/** Texts up to this size are put together in one place that is used again and again; larger ones get their own. */
const SHARED_BYTES = 256 * 1024;
const shared = place(SHARED_BYTES);

/** The text in `chunks` one after the other. Valid until the next call: decoders copy what they keep. */
export function jsonText(chunks: readonly Uint8Array[], length: number): JsonText {
  const { bytes, words } = length <= SHARED_BYTES ? shared : place(length);
  let end = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, end);
    end += chunk.length;
  }
  bytes.fill(0, end, end + MARGIN);
  return { bytes, words, end };
}

/** The bytes of a text, for callers that have no request. Valid until the next call. */
export function jsonTextOf(text: string): JsonText {
  const bytes = Buffer.from(text, 'utf8');
  return jsonText([bytes], bytes.length);
}

function place(length: number): { bytes: Buffer; words: DataView } {
  const bytes = Buffer.allocUnsafeSlow(MARGIN + length + MARGIN).subarray(MARGIN);
  return { bytes, words: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}
