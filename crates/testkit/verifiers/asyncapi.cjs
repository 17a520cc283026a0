// Says what AsyncAPI's own parser finds wrong with a document: one line for each error, none where it is sound.
// Its arguments are the folder that has the parser, and the document.
const { readFileSync } = require("node:fs");
const [, , installed, file] = process.argv;
const { Parser, DiagnosticSeverity } = require(require.resolve("@asyncapi/parser", { paths: [installed] }));

new Parser().parse(readFileSync(file, "utf8"), { source: file }).then(({ document, diagnostics }) => {
  const errors = diagnostics.filter(({ severity }) => severity === DiagnosticSeverity.Error);
  for (const { path, message } of errors) console.log(`${path.join(".")}: ${message}`);
  if (!document && !errors.length) console.log("the document cannot be read");
});
