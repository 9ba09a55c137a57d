/** An address cannot be listened on: taken, not ours, or not allowed. The command ends with its own exit code for it. */
export class BindError extends Error {
  readonly address: string;

  constructor(address: string, reason: string) {
    super(`cannot listen on ${address}: ${reason}`);
    this.address = address;
  }
}
