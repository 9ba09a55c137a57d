/**
 * The name that serialised bytes of a resource most likely carry: its field 1 when that comes first, as every known encoder writes
 * it (Listener, RouteConfiguration, Cluster and ClusterLoadAssignment all keep their name there). It is a hint for finding the
 * cached entry whose bytes may be the same; a wrong hint costs one decode and nothing else, because the bytes are compared.
 */
export function peekName(bytes: Uint8Array): string | undefined {
  // Tag 0x0a: field 1, length delimited.
  if (bytes[0] !== 0x0a) return undefined;
  let length = 0;
  let at = 1;
  for (let shift = 0; shift < 21; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) return undefined;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      return at + length <= bytes.length
        ? Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString()
        : undefined;
    }
  }
  return undefined;
}
