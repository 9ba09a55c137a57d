/** Our own want of sockets, ports, memory or rights: no fault of the endpoint. */
const LOCAL_ERRORS: ReadonlySet<string | undefined> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "ENOBUFS",
  "EADDRNOTAVAIL",
  "EAGAIN",
  "EACCES",
  "EPERM",
]);

export function isLocalError({ code }: NodeJS.ErrnoException): boolean {
  return LOCAL_ERRORS.has(code);
}
