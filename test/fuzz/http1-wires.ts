import type { Random } from "../../xds/common/random.ts";

const REQUESTS = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: t\r\n\r\n3;e=v;f\r\nabc\r\n00\r\nt: 1\r\n\r\n",
  "GET http://b:80/x HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\nx: y\r\n\r\n",
  "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nAccept: */*\r\n\r\n",
  "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
  "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n0123456789",
] as const;

const RESPONSES = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;e="v"\r\nabc\r\n0\r\nt: 1\r\n\r\n',
  "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
  "HTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
  "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi",
  "HTTP/1.0 500 \r\n\r\nbroken",
] as const;

/** What has broken parsers before: separators, framing fields and their look-alikes, numbers at the edge. */
const PIECES = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "\n\n",
  "\r\r\n",
  " ",
  "\t",
  "\0",
  "\x0b",
  "\x0c",
  "\x7f",
  "\x80",
  "\xff",
  ":",
  ";",
  ",",
  "=",
  '"',
  "\\",
  "/",
  "?",
  "#",
  "%",
  "@",
  "[",
  "]",
  "*",
  "-",
  "+",
  "_",
  "0",
  "1",
  "5",
  "a",
  "f",
  "0x",
  "00",
  "1e1",
  "HTTP/1.1",
  "HTTP/1.0",
  "HTTP/2.0",
  "HTTP/0.9",
  "http/1.1",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "content-length:3\r\n",
  "Content-Length: 5, 5\r\n",
  "Content-Length : 5\r\n",
  "Content_Length: 5\r\n",
  "Content-Length: +5\r\n",
  "Content-Length: 18446744073709551621\r\n",
  "Content-Length:\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity\r\n",
  "Transfer-Encoding: gzip, chunked\r\n",
  "Transfer-Encoding: chunked, gzip\r\n",
  "Transfer-Encoding:\tchunked \r\n",
  "Transfer-Encoding: xchunked\r\n",
  "Transfer-Encoding: chunked,\r\n",
  "Transfer-Encoding : chunked\r\n",
  "TRANSFER-ENCODING: CHUNKED\r\n",
  "Transfer-Encoding:\r\n chunked\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive\r\n",
  "Connection: content-length\r\n",
  "Connection: transfer-encoding\r\n",
  "Upgrade: h2c\r\n",
  "Content-Length: 5\t\r\n",
  "Transfer-Encoding: chunked\t\r\n",
  "HTTP/1.1 199 x\r\n",
  "Host: b\r\n",
  "Host:\r\n",
  " folded\r\n",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
  "ffffffffffffffff\r\n",
  "10000000000000005\r\n",
  ";x=y",
  ';x="\r\n"',
  "chunked",
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "HTTP/1.1 200 OK\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
] as const;

function one<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)] as T;
}

/** Swaps two lines, or repeats one. */
function shuffleLines(wire: string, random: Random): string {
  const lines = wire.split("\r\n");
  const from = Math.floor(random() * lines.length);
  const to = Math.floor(random() * lines.length);
  if (random() < 0.5) lines.splice(to, 0, lines[from] as string);
  else [lines[from], lines[to]] = [lines[to] as string, lines[from] as string];
  return lines.join("\r\n");
}

function mutate(wire: string, random: Random): string {
  const at = Math.floor(random() * (wire.length + 1));
  const count = Math.floor(random() * 3);
  switch (Math.floor(random() * 6)) {
    case 0:
    case 1:
      return wire.slice(0, at) + one(PIECES, random) + wire.slice(at);
    case 2:
      return wire.slice(0, at) + one(PIECES, random) + wire.slice(at + 1 + count);
    case 3:
      return wire.slice(0, at) + wire.slice(at + 1 + count);
    case 4: {
      // At the head of a line, where whole field lines do most harm.
      const line = wire.indexOf("\r\n", at) + 2;
      return wire.slice(0, line) + one(PIECES, random) + wire.slice(line);
    }
    default:
      return shuffleLines(wire, random);
  }
}

/** One or two messages on a connection, with none to four things wrong. */
export function randomWire(kind: "request" | "response", random: Random): string {
  const seeds: readonly string[] = kind === "request" ? REQUESTS : RESPONSES;
  let wire = one(seeds, random);
  if (random() < 0.4) wire += one(seeds, random);
  for (let changes = Math.floor(random() * 5); changes > 0; changes--) wire = mutate(wire, random);
  return wire;
}
