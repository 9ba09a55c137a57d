import { readFile } from "node:fs/promises";
import type { Environment } from "../../../xds/common/environment.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { fileKindOf } from "../file-kind.ts";

export const validate: Command = {
  name: "validate",
  summary: "check a bootstrap or a mesh file: all errors at once, each with its line",
  usage: "validate -c FILE [--strict]",
  flags: [
    { name: "config", short: "c", value: "FILE", text: "the file; which kind it is shows in its keys" },
    { name: "strict", text: "warnings fail too" },
  ],
  positionals: [0, 1],
  examples: ["dashpot validate -c mesh.yaml", "dashpot validate --strict -c bootstrap.yaml"],
  async run({ flags, positionals }, terminal) {
    const file = flags.get("config") ?? positionals[0];
    if (file === undefined) throw new UsageError("validate needs a file: -c FILE");
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (error) {
      terminal.stderr.write(`dashpot: ${(error as Error).message}\n`);
      return EXIT.config;
    }
    const { kind, errors, warnings } = await check(text, file, terminal.env);
    for (const line of [...errors, ...warnings]) terminal.stderr.write(`${line}\n`);
    if (errors.length > 0 || (flags.has("strict") && warnings.length > 0)) {
      terminal.stderr.write(
        `${file}: ${count(errors.length, "error")}, ${count(warnings.length, "warning")}\n`,
      );
      return EXIT.config;
    }
    terminal.stdout.write(`${file}: a valid ${kind}\n`);
    return EXIT.ok;
  },
};

async function check(text: string, file: string, env: Environment) {
  const { SourceText } = await import("../../../xds/common/source-text.ts");
  const kind = fileKindOf(new SourceText(text, file).value);
  if (kind !== "mesh file") {
    const { validateBootstrap } = await import("../load-bootstrap.ts");
    const { errors, warnings } = validateBootstrap(text, file, env);
    return { kind, errors, warnings };
  }
  const { validateMesh } = await import("../../../xds/server/mesh-report.ts");
  const { problems, lines } = validateMesh(text, file);
  const ofSeverity = (severity: string) => lines.filter((_, i) => problems[i]?.severity === severity);
  return { kind, errors: ofSeverity("error"), warnings: ofSeverity("warning") };
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
