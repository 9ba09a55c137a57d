/** What the command's end tells the shell. 0 is success; a signal that ends a clean drain is success too. */
export const EXIT = Object.freeze({
  ok: 0,
  /** Something failed while running. */
  failure: 1,
  /** The command line is wrong. */
  usage: 2,
  /** A configuration file is wrong. */
  config: 3,
  /** A port cannot be bound. */
  bind: 4,
});
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
