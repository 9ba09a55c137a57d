import { isAbsolute } from "node:path";
import { formatDuration, parseDuration } from "../../xds/common/duration.ts";
import { type HostPort, parseHostPort } from "../../xds/common/host-port.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";

/** A value that was read, or what is allowed instead, as the end of a sentence that starts with the setting's name. */
export type Read<T> = { readonly value: T } | { readonly reason: string };

/** How values of one kind are written and read. */
export interface ValueType<T> {
  /** For the reference: what may be written. */
  readonly allowed: string;
  /** From YAML, JSON, or the text of an environment variable. */
  read(written: unknown): Read<T>;
  /** The value as one would write it. */
  show(value: T): string;
}

/** One setting: an entry of the settings table, from which parsing, environment names and the reference all follow. */
export interface Setting<T> {
  /** In the `dashpot:` block; the environment variable is `DASHPOT_` and the same in capitals. */
  readonly key: string;
  readonly type: ValueType<T>;
  readonly fallback: NoInfer<T>;
  /** What it does, in one sentence. */
  readonly does: string;
  /** What a lower value, or the weaker choice, costs. */
  readonly lower: string;
  /** What a higher value, or the stronger choice, costs. */
  readonly higher: string;
}

export function environmentName(setting: Setting<unknown>): string {
  return `DASHPOT_${setting.key.toUpperCase()}`;
}

/** A whole number, both bounds included. */
export function integer(least: number, most: number): ValueType<number> {
  return numeric(
    least,
    most,
    (value) => Number.isInteger(value),
    `a whole number from ${least} to ${most}`,
    "",
  );
}

/** A number with a fraction, both bounds included. */
export function fraction(least: number, most: number): ValueType<number> {
  return numeric(least, most, () => true, `a number from ${least} to ${most}`, "");
}

function numeric(
  least: number,
  most: number,
  fits: (value: number) => boolean,
  allowed: string,
  unit: string,
): ValueType<number> {
  return {
    allowed,
    show: (value) => `${value}${unit}`,
    read(written) {
      const value =
        typeof written === "string" && /^-?\d+(\.\d+)?$/.test(written) ? Number(written) : written;
      const good = typeof value === "number" && fits(value) && value >= least && value <= most;
      return good ? { value } : { reason: `must be ${allowed}, not ${quoted(written)}` };
    },
  };
}

const BYTE_UNITS = [
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
] as const;

/** Bytes: a number, or one with `KiB`, `MiB` or `GiB`. */
export function bytes(least: number, most: number): ValueType<number> {
  const show = (value: number): string => {
    const unit = BYTE_UNITS.find(([, size]) => value >= size && value % size === 0);
    return unit === undefined ? String(value) : `${value / unit[1]}${unit[0]}`;
  };
  const allowed = `bytes from ${show(least)} to ${show(most)}`;
  return {
    allowed,
    show,
    read(written) {
      const match = /^(\d{1,15})(KiB|MiB|GiB)?$/.exec(String(written));
      const size = BYTE_UNITS.find(([name]) => name === match?.[2])?.[1] ?? 1;
      const value = match === null ? Number.NaN : Number(match[1]) * size;
      return value >= least && value <= most
        ? { value }
        : { reason: `must be ${allowed}, like 65536 or 64KiB, not ${quoted(written)}` };
    },
  };
}

/** A time with its unit, read as milliseconds: `250ms`, `1.5s`, `2m`, `1h`. */
export function duration(leastMs: number, mostMs: number): ValueType<number> {
  const allowed = `a time from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
  return {
    allowed,
    show: formatDuration,
    read(written) {
      const value = parseDuration(String(written)) ?? Number.NaN;
      return value >= leastMs && value <= mostMs
        ? { value }
        : { reason: `must be ${allowed}, like 250ms, 30s or 5m, not ${quoted(written)}` };
    },
  };
}

export function flag(): ValueType<boolean> {
  return {
    allowed: "true or false",
    show: String,
    read(written) {
      if (written === true || written === "true") return { value: true };
      if (written === false || written === "false") return { value: false };
      return { reason: `must be true or false, not ${quoted(written)}` };
    },
  };
}

export function choice<const T extends string>(choices: readonly T[]): ValueType<T> {
  const allowed = `one of ${choices.join(", ")}`;
  return {
    allowed,
    show: String,
    read(written) {
      const value = choices.find((one) => one === written);
      return value === undefined ? { reason: `must be ${allowed}, not ${quoted(written)}` } : { value };
    },
  };
}

/** An IP address with a port, `127.0.0.1:15001` or `[::1]:15001`; port 0 lets the system choose. */
export function socketAddress(): ValueType<HostPort> {
  return {
    allowed: "IP:PORT",
    show: ({ host, port }) => endpointAddress(host, port),
    read(written) {
      const parsed = parseHostPort(String(written), 0);
      return "isIp" in parsed && parsed.isIp
        ? { value: { host: parsed.host, port: parsed.port } }
        : { reason: `must be an IP address and a port, like 127.0.0.1:15001, not ${quoted(written)}` };
    },
  };
}

/** An absolute path, or empty for none. */
export function optionalPath(): ValueType<string> {
  return {
    allowed: "an absolute path, or empty for none",
    show: (value) => (value === "" ? "none" : value),
    read(written) {
      const good =
        typeof written === "string" && (written === "" || isAbsolute(written)) && !written.includes("\0");
      return good ? { value: written } : { reason: `must be an absolute path, not ${quoted(written)}` };
    },
  };
}

/** A list of absolute paths; in an environment variable separated by colons. */
export function pathList(): ValueType<readonly string[]> {
  return {
    allowed: "a list of absolute paths",
    show: (value) => (value.length === 0 ? "none" : value.join(", ")),
    read(written) {
      const list = typeof written === "string" ? written.split(":").filter((path) => path !== "") : written;
      const good =
        Array.isArray(list) &&
        list.every((path) => typeof path === "string" && isAbsolute(path) && !path.includes("\0"));
      return good ? { value: list } : { reason: `must be a list of absolute paths, not ${quoted(written)}` };
    },
  };
}

/** Where lines go: nowhere, to stderr, or to the end of a file. */
export function logTarget(): ValueType<string> {
  return {
    allowed: "off, stderr, or an absolute path",
    show: String,
    read(written) {
      const good =
        typeof written === "string" && (written === "off" || written === "stderr" || isAbsolute(written));
      return good
        ? { value: written }
        : { reason: `must be off, stderr or an absolute path, not ${quoted(written)}` };
    },
  };
}

/** What was written, short enough for one line. */
function quoted(written: unknown): string {
  const text = JSON.stringify(written) ?? String(written);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
