/**
 * Field lines in the order and case they came: name, value, name, value. Bytes are latin1 code units, so obs-text passes byte
 * for byte. Only end-to-end fields stand here: hop-by-hop ones (RFC 9110, 7.6.1) are taken out when a message is read and
 * written anew for the next hop. Content-Length is end-to-end and stays; Transfer-Encoding never does.
 */
export type FieldLines = string[];

/**
 * Field lines as they came, in one piece: as long as nobody has changed them they leave as one copy, instead of name by name and value
 * by value.
 */
export interface FieldBlock {
  /** Whole lines, with nothing between them and nothing that the reader would have refused. */
  readonly text: string;
  /** The same, taken apart. A message whose `fields` begin with these very strings still has the block. */
  readonly fields: readonly string[];
  /** What a Content-Length among them says; -1: there is none. */
  readonly contentLength: number;
}

/** How a message's body ends. */
export type BodyFraming =
  | "none"
  /** `contentLength` bytes. */
  | "length"
  | "chunked"
  /** Responses only: with the connection. */
  | "close";

export interface RequestHead {
  readonly method: string;
  /** Origin-form (`/path?query`), or `*` for OPTIONS; for CONNECT the authority. An absolute-form target is reduced to this. */
  target: string;
  /** Host (or the absolute-form's authority, which replaces Host), as sent. */
  authority: string;
  scheme: "http" | "https";
  /** 0 for HTTP/1.0, 1 for HTTP/1.1, 2 for HTTP/2. */
  readonly version: 0 | 1 | 2;
  /** Without Host: the writer puts `authority` first. */
  fields: FieldLines;
  /** Undefined: they stood apart, or were not read from a peer. */
  readonly block?: FieldBlock | undefined;
  readonly framing: BodyFraming;
  /** -1 unless framing is `length`. */
  readonly contentLength: number;
  /** May the connection carry another request after this one? */
  readonly keepAlive: boolean;
  /** Lower-case protocol of an `Upgrade` that the Connection field names; empty: none. `h2c` never appears. */
  readonly upgrade: string;
  readonly expectContinue: boolean;
  /** The caller said `TE: trailers`. */
  readonly acceptsTrailers: boolean;
}

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly version: 0 | 1 | 2;
  fields: FieldLines;
  /** Undefined: they stood apart, or were not read from a peer. */
  readonly block?: FieldBlock | undefined;
  readonly framing: BodyFraming;
  readonly contentLength: number;
  readonly keepAlive: boolean;
  /** Protocol of a 101. */
  readonly upgrade: string;
}

/** The first value of a field, or undefined. `lowerName` is lower case. */
export function fieldValue(fields: FieldLines, lowerName: string): string | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) return fields[i + 1];
  }
  return undefined;
}
