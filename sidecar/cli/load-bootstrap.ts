import { readFileSync } from "node:fs";
import type { Environment } from "../../xds/common/environment.ts";
import { describeProblem, type Problem, Problems } from "../../xds/common/problem.ts";
import { SourceText } from "../../xds/common/source-text.ts";
import { type Bootstrap, defaultNode, readBootstrap } from "./bootstrap.ts";
import { readGrpcBootstrap } from "./bootstrap-grpc.ts";
import { NO_STATIC_RESOURCES } from "./bootstrap-static.ts";
import { UsageError } from "./command.ts";
import { DEFAULT_ADMIN } from "./default-addresses.ts";
import { fileKindOf } from "./file-kind.ts";
import { parseSettings } from "./settings.ts";

/** What the command line says; empty or absent is not said. Each has its `DASHPOT_*` variable, read by the command line's parser. */
export interface BootstrapSource {
  /** An Envoy v3 bootstrap, YAML or JSON. */
  readonly file?: string | undefined;
  /** HOST:PORT of the control server, instead of a file. Checked where the command line is read. */
  readonly xds?: string | undefined;
  /** Override what a file says. */
  readonly nodeId?: string | undefined;
  readonly nodeCluster?: string | undefined;
  readonly environment: Environment;
}

export interface LoadedBootstrap {
  /** Undefined when there is any error. */
  readonly bootstrap: Bootstrap | undefined;
  /** Each problem for people, with file, line, column and the line itself where there is a file. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

type Reader = (document: unknown, environment: Environment, problems: Problems) => Bootstrap;

/**
 * The bootstrap from the first of: the file, the `--xds` address, gRPC's `GRPC_XDS_BOOTSTRAP` (a file) and
 * `GRPC_XDS_BOOTSTRAP_CONFIG` (the text itself). What cannot be read is an error in the result.
 *
 * @throws UsageError when there is none of them.
 */
export function loadBootstrap(source: BootstrapSource): LoadedBootstrap {
  const { environment, file, xds } = source;
  if (file) return named(fromFile(file, readEither, environment), source);
  if (xds) return named(fromAddress(xds, environment), source);
  const { GRPC_XDS_BOOTSTRAP: grpcFile, GRPC_XDS_BOOTSTRAP_CONFIG: grpcText } = environment;
  if (grpcFile) return named(fromFile(grpcFile, readGrpcBootstrap, environment), source);
  if (grpcText)
    return named(fromText(grpcText, "GRPC_XDS_BOOTSTRAP_CONFIG", readGrpcBootstrap, environment), source);
  const ways = "a file (-c), an address (--xds HOST:PORT) or the variable GRPC_XDS_BOOTSTRAP";
  throw new UsageError(`nothing says where the configuration comes from: give ${ways}`);
}

/** Checks the text of a bootstrap without starting anything, for `dashpot validate`. */
export function validateBootstrap(text: string, file: string, environment: Environment): LoadedBootstrap {
  return fromText(text, file, readEither, environment);
}

/** Envoy's bootstrap or gRPC's, whichever the document is. */
function readEither(document: unknown, environment: Environment, problems: Problems): Bootstrap {
  const read = fileKindOf(document) === "gRPC bootstrap" ? readGrpcBootstrap : readBootstrap;
  return read(document, environment, problems);
}

function fromFile(file: string, read: Reader, environment: Environment): LoadedBootstrap {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return failed(`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return fromText(text, file, read, environment);
}

function fromText(text: string, file: string, read: Reader, environment: Environment): LoadedBootstrap {
  const source = new SourceText(text, file);
  if (source.syntax.length > 0) {
    return { bootstrap: undefined, errors: source.syntax.map((found) => source.render(found)), warnings: [] };
  }
  if (fileKindOf(source.value) === "mesh file")
    return failed(`${file}: is a mesh file, which \`dashpot control\` takes; a sidecar takes a bootstrap`);
  const problems = new Problems();
  const bootstrap = read(source.value, environment, problems);
  // A fault of a variable stands in no file; it comes after those that do.
  const inFile = problems.found
    .filter(({ path }) => !path.startsWith("DASHPOT_"))
    .map((found) => source.place(found));
  inFile.sort((a, b) => a.line - b.line || a.column - b.column);
  const elsewhere = problems.found.filter(({ path }) => path.startsWith("DASHPOT_"));
  const lines = (severity: Problem["severity"]) => [
    ...inFile.filter((problem) => problem.severity === severity).map((problem) => source.render(problem)),
    ...elsewhere.filter((problem) => problem.severity === severity).map(describeProblem),
  ];
  return {
    bootstrap: problems.failed ? undefined : bootstrap,
    errors: lines("error"),
    warnings: lines("warning"),
  };
}

function fromAddress(target: string, environment: Environment): LoadedBootstrap {
  const problems = new Problems();
  const { settings, effective } = parseSettings(undefined, environment, problems);
  const bootstrap: Bootstrap = {
    node: defaultNode(),
    admin: DEFAULT_ADMIN,
    dynamic: { server: { target, tls: undefined }, serverCluster: "", listeners: true, clusters: true },
    resources: NO_STATIC_RESOURCES,
    written: {},
    settings,
    effective,
  };
  return {
    bootstrap: problems.failed ? undefined : bootstrap,
    errors: problems.errors.map(describeProblem),
    warnings: problems.warnings.map(describeProblem),
  };
}

function named(loaded: LoadedBootstrap, { nodeId, nodeCluster }: BootstrapSource): LoadedBootstrap {
  if (loaded.bootstrap === undefined) return loaded;
  const { node } = loaded.bootstrap;
  const named = { ...node, id: nodeId || node.id, cluster: nodeCluster || node.cluster };
  return { ...loaded, bootstrap: { ...loaded.bootstrap, node: named } };
}

function failed(reason: string): LoadedBootstrap {
  return { bootstrap: undefined, errors: [reason], warnings: [] };
}
