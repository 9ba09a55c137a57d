import { readFileSync } from "node:fs";
import { createFileRegistry, type DescFile, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/**
 * The descriptors of all protos, built at once from one set. Left to itself each generated file builds its own and walks all
 * that it imports, by every way there is: with protos as entangled as Envoy's that doubles the time to start and costs 20 to 35 MB.
 */
export const DESCRIPTORS: FileRegistry = createFileRegistry(
  fromBinary(FileDescriptorSetSchema, readFileSync(new URL("gen/descriptors.binpb", import.meta.url))),
);

/** What generated code asks for its own descriptor. */
export function fileDescriptor(path: string): DescFile {
  const file = DESCRIPTORS.getFile(path);
  if (file === undefined) throw new Error(`gen/descriptors.binpb lacks ${path}; run npm run generate`);
  return file;
}
