/** Headers that concern one connection only (RFC 9110, section 7.6.1), and what a server has answered itself. */
const ONE_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'expect']);

/** The headers that are passed on with a message, without those in `less`. Pure. */
export function endToEnd(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  less: ReadonlySet<string> = new Set(),
): Record<string, string | string[]> {
  const named =
    headers.connection
      ?.toString()
      .toLowerCase()
      .split(/\s*,\s*/) ?? [];
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !ONE_HOP.has(name) && !less.has(name) && !named.includes(name)) passed[name] = value;
  }
  return passed;
}
