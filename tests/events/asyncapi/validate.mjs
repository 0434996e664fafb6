// Prints what AsyncAPI's own parser has against a document, one line each; errors and warnings end with 1.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const WARNING = 1;
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const faults = diagnostics.filter((one) => one.severity <= WARNING);
for (const one of faults) {
  console.log(`${one.path.join(".")}: ${one.message}`);
}
if (document) {
  console.log(`${document.version()}: ${document.allOperations().length} operations`);
}
process.exitCode = document && faults.length === 0 ? 0 : 1;
