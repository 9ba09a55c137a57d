/**
 * Waits until `condition` holds, looking again after each turn of the event loop's poll phase. For effects that cross a
 * socket and that nothing announces. Fails after `limitMs`, which is generous: it is no measurement.
 */
export async function eventually(condition: () => boolean, what: string, limitMs = 30_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
