const simdloss = require("simdloss");
const { createPool } = require("simdloss/parallel");
const reference = require("simdloss/reference");
const { smoke } = require("./smoke.js");

smoke({ simdloss, reference, createPool }).then((report) => console.log(JSON.stringify(report)));
