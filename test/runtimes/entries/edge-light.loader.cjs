/** A binary beside the bundle, and the variable that whoever runs the bundle puts its module in. */
const { basename } = require("node:path");

module.exports = function (binary) {
  const name = `wasm_${basename(this.resourcePath, ".wasm").replace(".", "_")}`;
  this.emitFile(`${name}.wasm`, binary);
  return `module.exports = ${name};`;
};
module.exports.raw = true;
