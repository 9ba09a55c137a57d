import type { AnyResource, ResourceDecoder } from "../../xds/protocol/client-response.ts";

/**
 * A resource type for tests of the protocol: field 1 is the name, field 2 the content, and the content itself says what is wrong
 * with it (`bad: reason`, `odd: reason`).
 */
export function textType(fullState: boolean, onDecode: () => void = () => {}): ResourceDecoder<string> {
  return {
    typeUrl: "type.googleapis.com/test.Text",
    fullState,
    decode(bytes) {
      onDecode();
      const buffer = Buffer.from(bytes);
      if (buffer[0] !== 0x0a) {
        return {
          name: "",
          value: undefined,
          problems: [{ path: "", reason: "unreadable", severity: "error" }],
        };
      }
      const length = buffer[1]!;
      const name = buffer.toString("utf8", 2, 2 + length);
      const value = buffer.toString("utf8", 2 + length + 2);
      const [kind, reason] = value.split(": ");
      if (kind === "bad") {
        return {
          name,
          value: undefined,
          problems: [{ path: "content", reason: reason!, severity: "error" }],
        };
      }
      if (kind === "odd")
        return { name, value, problems: [{ path: "content", reason: reason!, severity: "warning" }] };
      return { name, value, problems: [] };
    },
  };
}

export function textResource(name: string, content: string): AnyResource {
  const value = Buffer.concat([field(1, name), field(2, content)]);
  return { typeUrl: "type.googleapis.com/test.Text", value };
}

function field(number: number, text: string): Buffer {
  const content = Buffer.from(text);
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
}
